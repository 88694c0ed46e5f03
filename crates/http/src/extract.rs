//! Extractors for handlers. A [`RequestContext`] runs use cases for a request, once where it has an idempotency key. The
//! others parse requests: bodies field by field, queries parameter by parameter. All faults are reported at once, and the
//! results are types of the core.

mod access;
mod body;
mod fields;
mod idempotency;
mod idempotency_key;
mod json;
mod machines;
mod params;
mod path;
mod precondition;
mod request_context;
mod sessions;
mod tasks;

pub(crate) use access::{TrailQuery, cursor, new_key, rotate_key, trail};
pub(crate) use body::Body;
pub(crate) use fields::Fields;
pub(crate) use machines::{machine_filter, new_machine, patch_machine, put_machine};
pub(crate) use params::{Params, RequestedPage};
pub(crate) use path::PathId;
pub(crate) use precondition::Precondition;
pub(crate) use request_context::RequestContext;
pub(crate) use sessions::{
    archived_page, beat, cleanup, empty_body, mark_failed, new_session, patch_session, prepare_recovery, recover,
    session_filter, stalled_limit,
};
pub(crate) use tasks::{new_task, patch_task, task_filter};

use rekindle_api::Detail;

/// Marks a value that was refused; the reader keeps the reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InvalidField;

/// A value, or the mark that it was refused.
pub(crate) type Read<T> = Result<T, InvalidField>;

/// Collects the faults of one request.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<Detail>);

impl FieldErrors {
    /// Records a fault.
    pub(crate) fn note(&mut self, field: &str, message: impl Into<String>) -> InvalidField {
        self.0.push(Detail { field: field.to_owned(), message: message.into() });
        InvalidField
    }

    /// Returns the built value if there were no faults.
    pub(crate) fn done<T>(self, build: impl FnOnce() -> Read<T>) -> Result<T, crate::error::ApiError> {
        match build() {
            Ok(value) if self.0.is_empty() => Ok(value),
            Ok(_) | Err(InvalidField) => Err(crate::error::ApiError::validation(self.0)),
        }
    }
}

#[cfg(test)]
mod tests;
