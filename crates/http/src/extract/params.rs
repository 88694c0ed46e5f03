//! The parameters of a query, read one by one. A parameter that comes twice: the last one counts.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::{HttpRequest, web};
use percent_encoding::percent_decode_str;
use rekindle_core::InvalidValue;
use rekindle_core::store::{Cursor, PageRequest, Start};

use super::{FieldErrors, Read};
use crate::error::ApiError;

/// What a query says, and what is wrong with it.
#[derive(Debug)]
pub struct Params {
    values: HashMap<String, String>,
    faults: FieldErrors,
}

/// The part of a list that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// For the store.
    pub request: PageRequest,
    /// As the answer shows it: none when a cursor was given.
    pub offset: Option<u64>,
}

impl Params {
    /// The parameters of a request.
    pub fn of(req: &HttpRequest) -> Self {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(req.query_string());
        let values = pairs.map(|pairs| pairs.into_inner().into_iter().collect()).unwrap_or_default();
        let mut faults = FieldErrors::default();
        // Bytes that are no text would be read as text that nobody sent.
        if percent_decode_str(req.query_string()).decode_utf8().is_err() {
            faults.note("query", "must be UTF-8, percent-encoded where it is not ASCII");
        }
        Self { values, faults }
    }

    /// A parameter, if it is there.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(String) -> Result<T, InvalidValue>) -> Read<Option<T>> {
        match self.values.remove(name) {
            None => Ok(None),
            Some(text) => read(text).map(Some).map_err(|fault| self.faults.note(name, fault.0)),
        }
    }

    /// A parameter that must be valid as `T`, if it is there.
    pub fn parsed<T: FromStr<Err = InvalidValue>>(&mut self, name: &str) -> Read<Option<T>> {
        self.optional(name, |text| text.parse())
    }

    /// True or false, if it is there.
    pub fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        self.optional(name, |text| match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(InvalidValue::new("must be true or false")),
        })
    }

    /// An integer within a range, if it is there.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Read<Option<u64>> {
        self.optional(name, |text| match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => {
                Err(InvalidValue::new(format!("must be an integer from {} to {}", range.start(), range.end())))
            }
        })
    }

    /// `limit`, at most `max`.
    pub fn limit(&mut self, default: u32, max: u32) -> Read<u32> {
        let limit = self.number("limit", 1..=u64::from(max))?;
        Ok(limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(default))
    }

    /// `limit`, `offset` and `cursor`.
    pub fn paging(&mut self, default: u32, max: u32) -> Read<Paging> {
        let limit = self.limit(default, max);
        let offset = self.number("offset", 0..=i64::MAX.unsigned_abs());
        let cursor = self.parsed::<Cursor>("cursor");
        let (limit, offset, cursor) = (limit?, offset?, cursor?);
        Ok(match (offset, cursor) {
            (Some(_), Some(_)) => return Err(self.faults.note("offset", "must not be given together with cursor")),
            (None, Some(cursor)) => {
                Paging { request: PageRequest { limit, start: Start::After(cursor) }, offset: None }
            }
            (offset, None) => {
                let skip = offset.unwrap_or(0);
                Paging { request: PageRequest { limit, start: Start::Offset(skip) }, offset: Some(skip) }
            }
        })
    }

    /// Everything that was read, if nothing was wrong.
    ///
    /// # Errors
    /// With everything that was wrong.
    pub fn done<T>(self, build: impl FnOnce() -> Read<T>) -> Result<T, ApiError> {
        self.faults.done(build)
    }
}
