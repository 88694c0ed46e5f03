//! The values that entities are made of, each valid by construction. A constructor refuses with a [`InvalidValue`], which
//! names no field: the caller knows where the value came from.

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

/// Why a value was refused, as words that go after the name of its field: `must not be empty`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl InvalidValue {
    /// A fault with these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// What a partial update says of a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FieldUpdate<T> {
    /// The update does not speak of it.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    Set(T),
}

#[cfg(test)]
mod tests;
