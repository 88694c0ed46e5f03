//! The parts of a line that several entities share: versions, times and texts.

use rekindle_core::{InvalidValue, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// The version of a row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct At {
    revision: u64,
    touches: u64,
}

impl From<Version> for At {
    fn from(Version { revision, touches }: Version) -> Self {
        Self { revision, touches }
    }
}

impl At {
    pub(super) fn version(self) -> Result<Version, InvalidValue> {
        let Self { revision, touches } = self;
        // The stores count in 64 bits with a sign, and revisions begin at 1.
        let fits = |number| i64::try_from(number).is_ok();
        if revision == 0 || !fits(revision) || !fits(touches) {
            return Err(InvalidValue::new("version must be one that a row can have"));
        }
        Ok(Version { revision, touches })
    }
}

pub(super) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

pub(super) fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

/// Adds the name of the field to an error.
pub(super) fn field<T>(name: &str, value: Result<T, InvalidValue>) -> Result<T, InvalidValue> {
    value.map_err(|fault| InvalidValue::new(format!("{name} {fault}")))
}

/// Parses a text that may be absent.
pub(super) fn optional<T: TryFrom<String, Error = InvalidValue>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, InvalidValue> {
    field(name, text.map(T::try_from).transpose())
}

/// Parses a text into its type.
pub(super) fn text<T: TryFrom<String, Error = InvalidValue>>(name: &str, text: String) -> Result<T, InvalidValue> {
    field(name, T::try_from(text))
}
