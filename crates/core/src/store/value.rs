//! The values of conditions and projections, and the types that they stand for.

use std::borrow::Cow;

use uuid::Uuid;

use super::error::StoreError;
use crate::values::{KeyId, MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

/// A value that a condition compares with, or that a projection returns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Time(Timestamp),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(Box<[u8]>),
}

/// Declares which values become which variant, and back.
macro_rules! values {
    ($($type:ty: $value:ident => $into:expr, $variant:ident($stored:ident) => $from:expr;)+) => {
        $(
            impl From<$type> for Value {
                fn from($value: $type) -> Self {
                    Self::$variant($into)
                }
            }

            impl TryFrom<Value> for $type {
                type Error = StoreError;

                fn try_from(value: Value) -> Result<Self, StoreError> {
                    let found = match value {
                        Value::$variant($stored) => $from,
                        _ => Err(String::from("is of another kind")),
                    };
                    found.map_err(|why| StoreError::Corrupt(format!("a projected field {why}")))
                }
            }
        )+
    };
}

values! {
    SessionId: id => id.0, Uuid(stored) => Ok(Self(stored));
    TaskId: id => id.0, Uuid(stored) => Ok(Self(stored));
    KeyId: id => id.0, Uuid(stored) => Ok(Self(stored));
    ProjectId: id => Cow::Owned(id.as_str().to_owned()), Text(stored) => stored.parse().map_err(|error| format!("{error}"));
    MachineId: id => Cow::Owned(id.as_str().to_owned()), Text(stored) => stored.parse().map_err(|error| format!("{error}"));
    Slot: slot => slot.0.into(), Integer(stored) => Self::try_from(stored).map_err(|error| format!("{error}"));
    Timestamp: at => at, Time(stored) => Ok(stored);
    u64: number => i64::try_from(number).unwrap_or(i64::MAX), Integer(stored) => Self::try_from(stored).map_err(|error| format!("{error}"));
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}
