//! A record as its fields by name: the encoder and the decoder of `rekindle_records`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rekindle_core::store::{AnyEntity, StoreError, Value};
use rekindle_records::{DecodeError, Decoder, EncodeError, Encoder, Field, FieldValue, RecordType, StoredValue};

/// The fields of one record. An absent one has no entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(BTreeMap<&'static str, StoredValue<'static>>);

impl Fields {
    pub(super) fn of(kind: &dyn RecordType, entity: &AnyEntity) -> Result<Self, StoreError> {
        let mut fields = Self::default();
        let encoded = kind.encode(entity, &mut fields);
        encoded.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(fields)
    }

    pub(super) fn decode(&self, kind: &dyn RecordType) -> Result<AnyEntity, StoreError> {
        kind.decode(&mut self.clone()).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    pub(super) fn set(&mut self, field: &'static str, value: StoredValue<'static>) {
        self.0.insert(field, value);
    }

    /// Returns the value that conditions compare with; `None` if the field is absent.
    pub(super) fn value(&self, field: &str) -> Option<Value> {
        match self.0.get(field)? {
            StoredValue::Text(text) => Some(Value::Text(text.clone())),
            StoredValue::Uuid(id) => Some(Value::Uuid(*id)),
            StoredValue::Time(at) => Some(Value::Time(*at)),
            StoredValue::Integer(number) => Some(Value::Integer(*number)),
            StoredValue::Bytes(bytes) => Some(Value::Bytes(Box::from(&**bytes))),
            StoredValue::Object(_) | StoredValue::Integers(_) => None,
        }
    }
}

impl Encoder for Fields {
    fn put(&mut self, field: &'static Field, value: FieldValue<'_>) -> Result<(), EncodeError> {
        let stored = match value {
            FieldValue::Absent => return Ok(()),
            FieldValue::Text(text) => StoredValue::Text(Cow::Owned(text.to_owned())),
            FieldValue::Uuid(id) => StoredValue::Uuid(id),
            FieldValue::Time(at) => StoredValue::Time(at),
            FieldValue::Integer(number) => StoredValue::Integer(number),
            FieldValue::Bytes(bytes) => StoredValue::Bytes(Cow::Owned(bytes.to_vec())),
            FieldValue::Object(object) => StoredValue::Object(object.clone()),
            FieldValue::Integers(numbers) => StoredValue::Integers(numbers),
        };
        self.0.insert(field.name, stored);
        Ok(())
    }
}

impl Decoder for Fields {
    fn read(&mut self, field: &'static Field) -> Result<Option<StoredValue<'_>>, DecodeError> {
        Ok(self.0.get(field.name).cloned())
    }
}
