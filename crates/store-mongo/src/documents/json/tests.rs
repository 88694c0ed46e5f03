//! Whatever JSON can say comes back the same.

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc, oid::ObjectId};
use serde_json::{Map, Value, json};

use super::{get, put};

fn stored(object: &Map<String, Value>) -> Document {
    let mut document = Document::new();
    put(&mut document, "metadata", "metadata_json", object);
    document
}

fn read(document: &Document) -> Result<Map<String, Value>, String> {
    let raw = RawDocumentBuf::try_from(document).unwrap();
    get(raw.get("metadata").unwrap(), raw.get("metadata_json").unwrap())
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object is wanted") };
    map
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, n| if n.is_multiple_of(2) { json!([inner]) } else { json!({ "x": inner }) })
}

#[test]
fn object_that_bson_can_hold_is_stored_as_bson() {
    for plain in [
        json!({}),
        json!({"a": null, "b": [true, false, {}, []], "c": {"d": {"e": "f"}}}),
        json!({"i": i64::MIN, "j": i64::MAX, "k": 0, "l": -1}),
        json!({"one": 1.0, "minus nothing": -0.0, "large": 1e308, "small": 5e-324}),
        json!({"Zürich 東京 🜂": "\u{0}\u{200f}\n"}),
        json!({"deep": nested(70)}),
    ] {
        let document = stored(&object(plain.clone()));
        assert!(!document.contains_key("metadata_json"), "{document}");
        assert_eq!(Value::Object(read(&document).unwrap()), plain);
        // Also which kind of number it is, and the sign of nothing.
        assert_eq!(Value::Object(read(&document).unwrap()).to_string(), plain.to_string());
    }
}

#[test]
fn object_that_bson_cannot_hold_is_stored_as_text() {
    for awkward in [
        json!({"": 1}),
        json!({"$where": {"$gt": ""}}),
        json!({"a.b": 1, "float": 0.1}),
        json!({"nul\u{0}": 1}),
        json!({"inside": [{"$set": {}}]}),
        json!({"n": u64::MAX}),
        json!({"n": i64::MAX as u64 + 1, "f": -0.0, "g": 1e308, "h": 1.0, "i": 0.1 + 0.2, "j": 123_456_789.123_456_79}),
        json!({"deep": nested(100)}),
    ] {
        let document = stored(&object(awkward.clone()));
        assert_eq!(document.get("metadata"), Some(&Bson::Document(Document::new())));
        assert_eq!(Value::Object(read(&document).unwrap()).to_string(), awkward.to_string());
    }
}

#[test]
fn integers_and_floats_stay_distinct() {
    let document = stored(&object(json!({"i": 1, "f": 1.0})));
    assert_eq!(document, doc! { "metadata": { "f": 1.0, "i": 1_i64 } });
}

#[test]
fn other_bson_types_become_text() {
    let id = ObjectId::from_bytes([7; 12]);
    let document = doc! { "metadata": { "n": 3_i32, "at": DateTime::from_millis(0), "id": id } };
    let expected = json!({"n": 3, "at": "1970-01-01T00:00:00.000Z", "id": "070707070707070707070707"});
    assert_eq!(Value::Object(read(&document).unwrap()), expected);
    assert!(read(&Document::new()).unwrap().is_empty());
}

#[test]
fn undecodable_values_are_named() {
    for nonsense in [
        doc! { "metadata": "text" },
        doc! { "metadata": { "nan": f64::NAN } },
        doc! { "metadata": { "far": [f64::INFINITY] } },
        doc! { "metadata": { "min": Bson::MinKey } },
        doc! { "metadata": {}, "metadata_json": 1 },
        doc! { "metadata": {}, "metadata_json": "[]" },
        doc! { "metadata": {}, "metadata_json": "{" },
    ] {
        read(&nonsense).unwrap_err();
    }
}
