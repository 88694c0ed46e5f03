//! JSON objects, as clients keep them in metadata.

/// A JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;
