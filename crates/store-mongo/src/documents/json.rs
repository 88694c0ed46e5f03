//! JSON objects as BSON and back, without loss. An object is stored as a document where BSON can hold all of its
//! values; otherwise its text is stored beside an empty document, and is read instead.

use bson::raw::RawBsonRef;
use bson::{Bson, Document, RawDocument};
use serde_json::{Map, Number, Value};

use super::DecodeError;

/// The server rejects documents of more than about a hundred levels.
const DEEPEST: usize = 80;

/// Sets `key` to the object, and `text_key` to its text where BSON cannot hold it.
pub(crate) fn put(document: &mut Document, key: &str, text_key: &str, object: &Map<String, Value>) {
    match document_of(object, 0) {
        Some(inner) => {
            document.insert(key, inner);
        }
        None => {
            document.insert(key, Document::new());
            // A map of JSON values always has a text.
            document.insert(text_key, Value::Object(object.clone()).to_string());
        }
    }
}

fn document_of(object: &Map<String, Value>, depth: usize) -> Option<Document> {
    let mut document = Document::new();
    for (key, value) in object {
        // Newer servers allow such keys, but queries, validators and other tools fail on them.
        if key.is_empty() || key.starts_with('$') || key.contains(['.', '\0']) {
            return None;
        }
        document.insert(key.as_str(), bson_of(value, depth + 1)?);
    }
    Some(document)
}

fn bson_of(value: &Value, depth: usize) -> Option<Bson> {
    if depth > DEEPEST {
        return None;
    }
    Some(match value {
        Value::Null => Bson::Null,
        Value::Bool(yes) => Bson::Boolean(*yes),
        Value::Number(number) => match (number.as_i64(), number.is_f64()) {
            (Some(integer), _) => Bson::Int64(integer),
            (None, true) => Bson::Double(number.as_f64()?),
            (None, false) => return None,
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(items) => {
            Bson::Array(items.iter().map(|item| bson_of(item, depth + 1)).collect::<Option<Vec<_>>>()?)
        }
        Value::Object(object) => Bson::Document(document_of(object, depth)?),
    })
}

/// Returns the object of a field, or of its text if there is one.
pub(crate) fn get(
    object: Option<RawBsonRef<'_>>,
    text: Option<RawBsonRef<'_>>,
) -> Result<Map<String, Value>, DecodeError> {
    if let Some(text) = text {
        let text = text.as_str().ok_or("is no text")?;
        return serde_json::from_str(text).map_err(|error| format!("is no JSON object: {error}"));
    }
    match object {
        None => Ok(Map::new()),
        Some(object) => object_of(object.as_document().ok_or("is no object")?),
    }
}

fn object_of(document: &RawDocument) -> Result<Map<String, Value>, DecodeError> {
    let mut object = Map::new();
    for element in document {
        let (key, value) = element.map_err(|error| error.to_string())?;
        object.insert(key.as_str().to_owned(), value_of(value)?);
    }
    Ok(object)
}

/// Rekindle writes only the types of JSON; a value of another type (a date, an id) becomes its text.
fn value_of(value: RawBsonRef<'_>) -> Result<Value, DecodeError> {
    if let Some(text) = value.as_str() {
        return Ok(Value::String(text.to_owned()));
    }
    if let Some(integer) = value.as_i64() {
        return Ok(Value::Number(integer.into()));
    }
    if let Some(integer) = value.as_i32() {
        return Ok(Value::Number(integer.into()));
    }
    if let Some(float) = value.as_f64() {
        return Number::from_f64(float).map(Value::Number).ok_or_else(|| format!("holds {float}, which JSON has not"));
    }
    if let Some(yes) = value.as_bool() {
        return Ok(Value::Bool(yes));
    }
    if let Some(document) = value.as_document() {
        return object_of(document).map(Value::Object);
    }
    if let Some(items) = value.as_array() {
        let mut values = Vec::new();
        for item in items {
            values.push(value_of(item.map_err(|error| error.to_string())?)?);
        }
        return Ok(Value::Array(values));
    }
    if value.as_null().is_some() {
        return Ok(Value::Null);
    }
    if let Some(date) = value.as_datetime() {
        let date = rekindle_core::Timestamp::from_millis(date.timestamp_millis());
        return Ok(Value::String(date.to_string()));
    }
    if let Some(id) = value.as_object_id() {
        return Ok(Value::String(id.to_hex()));
    }
    Err(format!("holds a value of BSON type {:?}, which JSON has not", value.element_type()))
}

#[cfg(test)]
mod tests;
