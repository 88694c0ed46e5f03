//! Parses the fields of a JSON object, one by one.

use std::str::FromStr;

use rekindle_core::values::Slots;
use rekindle_core::{FieldUpdate, InvalidValue, Metadata, MetadataPatch, Slot};
use serde_json::Value;

use super::json::UniqueKeysJson;
use super::{Body, FieldErrors, InvalidField, Read};
use crate::error::ApiError;
use rekindle_api::Object;

/// The fields of a body, and the faults found in them.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Object,
    faults: FieldErrors,
}

impl Fields {
    /// Returns the fields of a body; no body is an object without fields.
    ///
    /// # Errors
    /// Fails if the body is not JSON, or not an object.
    pub(crate) fn of(body: &Body) -> Result<Self, ApiError> {
        let faults = FieldErrors::default();
        if body.0.is_empty() {
            return Ok(Self { object: Object::new(), faults });
        }
        match serde_json::from_slice(&body.0) {
            Ok(UniqueKeysJson(Value::Object(object))) => Ok(Self { object, faults }),
            Ok(_) => Err(ApiError::invalid("body", InvalidValue::new("must be a JSON object"))),
            Err(error) => Err(ApiError::invalid("body", InvalidValue::new(format!("must be JSON: {error}")))),
        }
    }

    /// Records a fault.
    pub(crate) fn fault(&mut self, field: &str, message: impl Into<String>) -> InvalidField {
        self.faults.note(field, message)
    }

    /// Parses a field that must be present.
    pub(crate) fn required<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, InvalidValue>) -> Read<T> {
        match self.object.remove(name) {
            None => Err(self.faults.note(name, "is required")),
            Some(value) => self.read(name, value, read),
        }
    }

    /// Parses a field that may be absent, but not null.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, InvalidValue>,
    ) -> Read<Option<T>> {
        match self.object.remove(name) {
            None => Ok(None),
            Some(value) => self.read(name, value, read).map(Some),
        }
    }

    /// Parses a field that may be absent or null, which mean different things.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, InvalidValue>,
    ) -> Read<FieldUpdate<T>> {
        match self.object.remove(name) {
            None => Ok(FieldUpdate::Keep),
            Some(Value::Null) => Ok(FieldUpdate::Clear),
            Some(value) => self.read(name, value, read).map(FieldUpdate::Set),
        }
    }

    /// Parses a field of a new entity that may be absent or null, which mean the same.
    pub(crate) fn or_none<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, InvalidValue>,
    ) -> Read<Option<T>> {
        Ok(match self.nullable(name, read)? {
            FieldUpdate::Keep | FieldUpdate::Clear => None,
            FieldUpdate::Set(value) => Some(value),
        })
    }

    /// Parses the metadata of a new entity. `reserved` names the keys that only the server sets.
    pub(crate) fn metadata(&mut self, reserved: Reserved) -> Read<Metadata> {
        let content = self.checked_object(reserved)?.unwrap_or_default();
        Metadata::new(content).map_err(|fault| self.faults.note("metadata", fault.0))
    }

    /// Parses a change of metadata.
    pub(crate) fn metadata_patch(&mut self, reserved: Reserved) -> Read<Option<MetadataPatch>> {
        Ok(self.checked_object(reserved)?.map(MetadataPatch))
    }

    fn checked_object(&mut self, reserved: Reserved) -> Read<Option<Object>> {
        let content = self.optional("metadata", object)?;
        let mut kept = Ok(());
        if let (Some(content), Reserved::OfSessions) = (&content, reserved) {
            for key in rekindle_core::values::reserved_in(content) {
                kept = Err(self.faults.note(&format!("metadata.{key}"), "is the server's to write"));
            }
        }
        kept.map(|()| content)
    }

    fn read<T>(&mut self, name: &str, value: Value, read: impl FnOnce(Value) -> Result<T, InvalidValue>) -> Read<T> {
        let read = if value.is_null() { Err(InvalidValue::new("must not be null")) } else { read(value) };
        read.map_err(|fault| self.faults.note(name, fault.0))
    }

    /// Returns the built value if there were no faults.
    ///
    /// # Errors
    /// Fails with all faults.
    pub(crate) fn done<T>(self, build: impl FnOnce() -> Read<T>) -> Result<T, ApiError> {
        self.faults.done(build)
    }
}

/// The keys of metadata that only the server sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// No keys.
    Nothing,
    /// The keys that the server shows on sessions.
    OfSessions,
}

fn string(value: Value) -> Result<String, InvalidValue> {
    if let Value::String(text) = value { Ok(text) } else { Err(InvalidValue::new("must be a string")) }
}

/// Parses a text that must be valid as `T`.
pub(super) fn text<T: TryFrom<String, Error = InvalidValue>>(value: Value) -> Result<T, InvalidValue> {
    T::try_from(string(value)?)
}

/// Parses a text that is one of a set, or an id.
pub(super) fn parsed<T: FromStr<Err = InvalidValue>>(value: Value) -> Result<T, InvalidValue> {
    string(value)?.parse()
}

/// Parses true or false.
pub(super) fn flag(value: Value) -> Result<bool, InvalidValue> {
    serde_json::from_value(value).map_err(|_| InvalidValue::new("must be true or false"))
}

fn object(value: Value) -> Result<Object, InvalidValue> {
    if let Value::Object(object) = value { Ok(object) } else { Err(InvalidValue::new("must be an object")) }
}

/// Parses one slot. In JSON, 1.0 is the integer 1.
pub(super) fn slot(value: Value) -> Result<Slot, InvalidValue> {
    let fault = || InvalidValue::new("must be an integer from 0 to 65535");
    let whole = |number: f64| -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in the range of slots")]
        let whole = (number.fract() == 0.0 && (0.0..=65535.0).contains(&number)).then_some(number as i64);
        whole
    };
    let Value::Number(number) = value else { return Err(fault()) };
    let number = number.as_i64().or_else(|| number.as_f64().and_then(whole)).ok_or_else(fault)?;
    Slot::try_from(number)
}

/// Parses a list of distinct slots.
pub(super) fn slots(value: Value) -> Result<Slots, InvalidValue> {
    let fault = || InvalidValue::new("must be an array of integers from 0 to 65535");
    let Value::Array(items) = value else { return Err(fault()) };
    let slots: Result<Vec<_>, _> = items.into_iter().map(|item| slot(item).map_err(|_| fault())).collect();
    Slots::try_from(slots?)
}
