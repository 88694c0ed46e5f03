//! The values that entities are made of, each valid by construction. A constructor fails with an [`InvalidValue`],
//! which does not name a field: the caller knows where the value came from.

mod ids;
mod metadata;
mod slot;
pub(crate) mod string_enum;
mod text;
mod timestamp;

pub use ids::{KeyId, SessionId, TaskId};
pub use metadata::{Metadata, MetadataPatch, RESERVED_SESSION_KEYS, reserved_in};
pub use slot::{Slot, Slots};
pub use text::{ErrorMessage, Hostname, IssueId, KeyName, MachineId, ProjectId, TaskLabel, TaskName};
pub use timestamp::Timestamp;

/// Why a value is invalid, as text that follows the name of its field: `must not be empty`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl InvalidValue {
    /// Returns the error with this text.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The part of a partial update that concerns one optional field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FieldUpdate<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field becomes empty.
    Clear,
    /// The field gets this value.
    Set(T),
}

#[cfg(test)]
mod tests;
