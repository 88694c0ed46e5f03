//! Reads requests: bodies field by field and queries parameter by parameter, so that everything that is wrong is named
//! at once, and the core's own types come out.

mod access;
mod body;
mod fields;
mod json;
mod machines;
mod params;
mod path;
mod precondition;
mod sessions;
mod tasks;

pub use access::{TrailQuery, cursor, new_key, rotate_key, trail};
pub use body::Body;
pub use fields::Fields;
pub use machines::{machine_filter, new_machine, patch_machine, put_machine};
pub use params::{Paging, Params};
pub use path::PathId;
pub use precondition::Precondition;
pub use sessions::{
    archived_page, beat, cleanup, empty_body, mark_failed, new_session, patch_session, prepare_recovery, recover,
    session_filter, stalled_limit,
};
pub use tasks::{new_task, patch_task, task_filter};

use rekindle_api::Detail;

/// Stands for a value that was refused; why is kept with the reader.
#[derive(Debug, Clone, Copy)]
pub struct InvalidField;

/// A value, or the note that it was refused.
pub type Read<T> = Result<T, InvalidField>;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<Detail>);

impl FieldErrors {
    /// Notes a fault.
    pub fn note(&mut self, field: &str, message: impl Into<String>) -> InvalidField {
        self.0.push(Detail { field: field.to_owned(), message: message.into() });
        InvalidField
    }

    /// Everything that was read, if nothing was wrong.
    pub fn done<T>(self, build: impl FnOnce() -> Read<T>) -> Result<T, crate::error::ApiError> {
        match build() {
            Ok(value) if self.0.is_empty() => Ok(value),
            Ok(_) | Err(InvalidField) => Err(crate::error::ApiError::validation(self.0)),
        }
    }
}

#[cfg(test)]
mod tests;
