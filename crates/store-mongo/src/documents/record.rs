//! Records as documents and back, by their declarations.

use bson::raw::RawBsonRef;
use bson::spec::BinarySubtype;
use bson::{Bson, Document, RawDocument, doc};
use rekindle_core::store::{AnyEntity, Key, Row, RowContent, StoreError, StoredResponse, Value, Version, Versioned};
use rekindle_core::values::Timestamp;
use rekindle_records::{
    Change, Declaration, DecodeError, Decoder, EncodeError, Encoder, Field, FieldType, FieldValue, Record, RecordType,
    StoredValue,
};
use uuid::Uuid;

use super::fields::{Fields, decode, whole_number};
use super::{bytes, date, json, long, mark_id, set_version};

/// The field of a record that orders it among those of the same time, where the key is the `_id`.
const MARK: &str = "mark";

/// Returns whether the key of a kind is the `_id` of its documents.
fn is_keyed_by_id(declaration: &Declaration) -> bool {
    declaration.key.is_none_or(|key| key.document_name == "_id")
}

/// Returns the name of the field that orders the records of a kind.
pub(crate) fn mark_name(declaration: &Declaration) -> &'static str {
    if is_keyed_by_id(declaration) { MARK } else { "_id" }
}

/// Returns the name of the field beside an object that holds its text, where BSON cannot hold the object.
fn text_name(field: &Field) -> String {
    format!("{}_json", field.document_name)
}

/// The fields of a record, in the order of its declaration.
#[derive(Default)]
pub(crate) struct Parts(Vec<(&'static Field, Vec<(String, Bson)>)>);

impl Encoder for Parts {
    fn put(&mut self, field: &'static Field, value: FieldValue<'_>) -> Result<(), EncodeError> {
        let bson = match value {
            FieldValue::Absent => None,
            FieldValue::Text(text) => Some(Bson::String(text.to_owned())),
            FieldValue::Uuid(id) => Some(Bson::String(id.to_string())),
            FieldValue::Time(at) => Some(Bson::DateTime(date(at))),
            FieldValue::Integer(number) => Some(integer(field, number)),
            FieldValue::Bytes(content) => Some(bytes(content)),
            FieldValue::Integers(numbers) => {
                Some(Bson::Array(numbers.into_iter().map(|number| integer(field, number)).collect()))
            }
            FieldValue::Object(object) => {
                let mut both = Document::new();
                json::put(&mut both, field.document_name, &text_name(field), object);
                self.0.push((field, both.into_iter().collect()));
                return Ok(());
            }
        };
        self.0.push((field, bson.into_iter().map(|bson| (field.document_name.to_owned(), bson)).collect()));
        Ok(())
    }
}

/// Small numbers have 32 bits, as other programs write them.
fn integer(field: &Field, number: i64) -> Bson {
    match (field.kind, i32::try_from(number)) {
        (FieldType::SmallInteger | FieldType::Integers, Ok(small)) => Bson::Int32(small),
        _ => Bson::Int64(number),
    }
}

impl Parts {
    /// Takes the fields of an entity.
    pub(crate) fn of(kind: &dyn RecordType, entity: &AnyEntity) -> Result<Self, StoreError> {
        let mut parts = Self::default();
        kind.encode(entity, &mut parts).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(parts)
    }

    /// Takes the fields of a record of a known type.
    pub(crate) fn of_record(record: &impl Record) -> Result<Self, StoreError> {
        let mut parts = Self::default();
        record.encode(&mut parts).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(parts)
    }

    /// Returns the fields of those that a condition selects.
    pub(crate) fn document(self, selects: impl Fn(&Field) -> bool) -> Document {
        let selected = self.0.into_iter().filter(|(field, _)| selects(field));
        selected.flat_map(|(_, values)| values).collect()
    }

    /// Returns the document of a new record.
    pub(crate) fn new_document(self, declaration: &Declaration, mark: Uuid, version: Version) -> Document {
        let fields = self.document(|_| true);
        let mut document = Document::new();
        if !is_keyed_by_id(declaration) {
            document.insert("_id", mark_id(mark));
        }
        document.extend(fields);
        if is_keyed_by_id(declaration) && declaration.versioned {
            document.insert(MARK, mark_id(mark));
        }
        if declaration.versioned {
            set_version(&mut document, version);
        }
        document
    }

    /// Returns the update of a record at this version. The revision is set, not incremented: a document that another
    /// program made has none.
    pub(crate) fn update(self, at: Version) -> Document {
        let (mut set, mut gone, mut latest) = (Document::new(), Document::new(), Document::new());
        for (field, values) in self.0 {
            match field.change {
                Change::Never => {}
                Change::Latest => latest.extend(values),
                Change::Replace => {
                    let mut names = vec![field.document_name.to_owned()];
                    names.extend((field.kind == FieldType::Object).then(|| text_name(field)));
                    let absent = names.into_iter().filter(|name| !values.iter().any(|(found, _)| found == name));
                    gone.extend(absent.map(|name| (name, Bson::from(""))));
                    set.extend(values);
                }
            }
        }
        set.insert("revision", long(at.after_put().revision));
        let mut update = doc! { "$set": set };
        for (operator, fields) in [("$unset", gone), ("$max", latest)] {
            if !fields.is_empty() {
                update.insert(operator, fields);
            }
        }
        update
    }
}

/// Returns the filter of the record of a key.
pub(crate) fn key_filter(declaration: &Declaration, key: &Key) -> Document {
    let value = match key {
        Key::Uuid(id) => Bson::String(id.to_string()),
        Key::Text(text) => Bson::String(text.to_string()),
        Key::Bytes(content) => bytes(content),
    };
    doc! { declaration.key.map_or("_id", |key| key.document_name): value }
}

/// Returns the filter of the stored response under the key of another one, and the fields of that other one.
pub(crate) fn stored_response(response: &StoredResponse) -> Result<(Bson, Document), StoreError> {
    let fields = Parts::of_record(response)?.document(|field| field.document_name != "_id");
    Ok((bytes(&response.key.0), fields))
}

/// Returns a value that a condition compares with, as the field holds it.
pub(crate) fn comparable(field: &Field, value: &Value) -> Bson {
    match value {
        Value::Text(text) => Bson::String(text.to_string()),
        Value::Uuid(id) => Bson::String(id.to_string()),
        Value::Time(at) => Bson::DateTime(date(*at)),
        Value::Integer(number) => integer(field, *number),
        Value::Bytes(content) => bytes(content),
    }
}

impl Decoder for Fields<'_> {
    fn read(&mut self, field: &'static Field) -> Result<Option<StoredValue<'_>>, DecodeError> {
        let name = field.document_name;
        let generic =
            |value: RawBsonRef<'_>| value.as_binary().is_some_and(|binary| binary.subtype == BinarySubtype::Generic);
        let value = match field.kind {
            FieldType::Text => {
                self.some(name, "a text", RawBsonRef::as_str)?.map(|text| StoredValue::Text(text.into()))
            }
            FieldType::Uuid => {
                let text = self.some(name, "a text", RawBsonRef::as_str)?;
                let id = text.map(str::parse::<Uuid>).transpose();
                let invalid = |_| DecodeError::Invalid { field: name, why: "must be a UUID".to_owned() };
                id.map_err(invalid)?.map(StoredValue::Uuid)
            }
            FieldType::Time => {
                let at = self.some(name, "a date", RawBsonRef::as_datetime)?;
                at.map(|at| StoredValue::Time(Timestamp::from_millis(at.timestamp_millis())))
            }
            FieldType::Integer | FieldType::SmallInteger => {
                self.some(name, "a whole number", whole_number)?.map(StoredValue::Integer)
            }
            FieldType::Bytes => {
                let content =
                    |value: RawBsonRef<'_>| generic(value).then(|| value.as_binary().map(|found| found.bytes.to_vec()));
                let found = self.some(name, "generic bytes", |value| content(value).flatten())?;
                found.map(|content| StoredValue::Bytes(content.into()))
            }
            FieldType::Object => {
                let object = self.object(name, &text_name(field)).map_err(DecodeError::Unreadable)?;
                Some(StoredValue::Object(object))
            }
            FieldType::Integers => {
                let Some(items) = self.some(name, "an array", RawBsonRef::as_array)? else { return Ok(None) };
                let invalid = |why: String| DecodeError::Invalid { field: name, why };
                let mut numbers = Vec::new();
                for item in items {
                    let item = item.map_err(|error| invalid(error.to_string()))?;
                    numbers.push(whole_number(item).ok_or_else(|| invalid("must hold whole numbers".to_owned()))?);
                }
                Some(StoredValue::Integers(numbers))
            }
        };
        Ok(value)
    }

    fn name(&self, field: &'static Field) -> &'static str {
        field.document_name
    }

    fn accepts_foreign(&self) -> bool {
        true
    }
}

fn naming_field(declaration: &Declaration) -> &'static str {
    declaration.key.map_or("_id", |key| key.document_name)
}

/// Decodes a record of a known type with its version.
pub(crate) fn record<R: Record>(document: &RawDocument) -> Result<Versioned<R>, StoreError> {
    decode(R::DECLARATION.name, naming_field(R::DECLARATION), document, |fields| {
        let value = R::decode(fields).map_err(|error| error.to_string())?;
        Ok(Versioned { value, version: fields.version()? })
    })
}

/// Decodes an entity of any kind.
pub(crate) fn entity(kind: &dyn RecordType, document: &RawDocument) -> Result<Row, StoreError> {
    let declaration = kind.declaration();
    decode(declaration.name, naming_field(declaration), document, |fields| {
        let content = RowContent::Entity(kind.decode(fields).map_err(|error| error.to_string())?);
        let version = if declaration.versioned { fields.version()? } else { Version::FIRST };
        Ok(Row { content, version, mark: mark(declaration, fields)? })
    })
}

/// Decodes the projected fields of a record.
pub(crate) fn projected(
    declaration: &'static Declaration,
    projection: &[&'static str],
    document: &RawDocument,
) -> Result<Row, StoreError> {
    decode(declaration.name, naming_field(declaration), document, |fields| {
        let mut values = Vec::with_capacity(projection.len());
        for name in projection {
            values.push(match *name {
                "revision" => Some(fields.version()?.revision.into()),
                "touches" => Some(fields.version()?.touches.into()),
                name => match declaration.field(name) {
                    Some(field) => fields.read(field).map_err(|error| error.to_string())?.map(plain),
                    None => return Err(format!("{name} is no declared field")),
                },
            });
        }
        Ok(Row { content: RowContent::Fields(values), version: Version::FIRST, mark: 0 })
    })
}

fn mark(declaration: &Declaration, fields: &Fields<'_>) -> Result<u128, super::DecodeError> {
    if declaration.versioned { Ok(fields.mark_in(mark_name(declaration))?.as_u128()) } else { Ok(0) }
}

fn plain(value: StoredValue<'_>) -> Value {
    match value {
        StoredValue::Text(text) => Value::Text(text.into_owned().into()),
        StoredValue::Uuid(id) => Value::Uuid(id),
        StoredValue::Time(at) => Value::Time(at),
        StoredValue::Integer(number) => Value::Integer(number),
        StoredValue::Bytes(content) => Value::Bytes(content.into_owned().into()),
        // No query of the catalogue projects one; its text is what there is to show.
        StoredValue::Object(object) => Value::Text(serde_json::Value::Object(object).to_string().into()),
        StoredValue::Integers(numbers) => Value::Text(format!("{numbers:?}").into()),
    }
}

/// Returns the time in a field of a row, for rows that are sorted here.
pub(crate) fn time_of(kind: &dyn RecordType, row: &Row, field: &'static Field) -> Option<i64> {
    let RowContent::Entity(entity) = &row.content else { return None };
    let parts = Parts::of(kind, entity).ok()?.document(|found| found == field);
    parts.get_datetime(field.document_name).ok().map(|at| at.timestamp_millis())
}
