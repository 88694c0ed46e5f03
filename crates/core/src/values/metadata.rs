//! The client's own data on an entity: a JSON object that Rekindle stores and merges but does not interpret.

use serde_json::{Map, Value};

use super::InvalidValue;

/// The largest metadata, in bytes of JSON.
const MAX_BYTES: usize = 64 * 1024;

/// Keys of a session's metadata that only the server sets; a request that sets one is rejected.
pub const RESERVED_SESSION_KEYS: [&str; 4] = ["archived", "archived_at", "error_message", "recovery"];

/// A JSON object of at most 64 KiB.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Returns metadata with this content.
    ///
    /// # Errors
    /// Fails when the content is larger than 64 KiB as JSON.
    pub fn new(content: Map<String, Value>) -> Result<Self, InvalidValue> {
        // Counted rather than written out: metadata is checked on every merge.
        let mut counter = ByteCounter(0);
        match serde_json::to_writer(&mut counter, &content) {
            Ok(()) if counter.0 <= MAX_BYTES => Ok(Self(content)),
            Ok(()) => {
                Err(InvalidValue::new(format!("must be at most {MAX_BYTES} bytes as JSON, and would be {}", counter.0)))
            }
            Err(error) => Err(InvalidValue::new(format!("cannot be written as JSON: {error}"))),
        }
    }

    /// Returns the JSON object.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns this metadata with a JSON Merge Patch (RFC 7396) applied.
    ///
    /// # Errors
    /// Fails when the result would be larger than 64 KiB.
    pub fn merged(&self, patch: &MetadataPatch) -> Result<Self, InvalidValue> {
        let mut content = self.0.clone();
        merge(&mut content, &patch.0);
        Self::new(content)
    }
}

/// A change of metadata: null removes a key, an object is merged, any other value replaces the present one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetadataPatch(pub Map<String, Value>);

/// Returns the reserved session keys that `content` sets.
pub fn reserved_in(content: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    RESERVED_SESSION_KEYS.into_iter().filter(|key| content.contains_key(*key))
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(inner) => {
                let slot = target.entry(key.clone()).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(map) = slot {
                    merge(map, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(key.clone(), change.clone());
            }
        }
    }
}

struct ByteCounter(usize);

impl std::io::Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
