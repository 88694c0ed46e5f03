//! Parses the parameters of a query, one by one. Of a repeated parameter the last value counts.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::{HttpRequest, web};
use percent_encoding::percent_decode_str;
use rekindle_core::InvalidValue;
use rekindle_core::store::{Cursor, PageRequest, Start};

use super::{FieldErrors, Read};
use crate::error::ApiError;

/// The parameters of a query, and the faults found in them.
#[derive(Debug)]
pub(crate) struct Params {
    values: HashMap<String, String>,
    faults: FieldErrors,
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestedPage {
    /// The page, for the store.
    pub request: PageRequest,
    /// The offset that the response shows. None if the request has a cursor.
    pub offset: Option<u64>,
}

impl Params {
    /// Returns the parameters of a request.
    pub(crate) fn of(req: &HttpRequest) -> Self {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(req.query_string());
        let values = pairs.map(|pairs| pairs.into_inner().into_iter().collect()).unwrap_or_default();
        let mut faults = FieldErrors::default();
        // Invalid UTF-8 would be decoded into a text that the client did not send.
        if percent_decode_str(req.query_string()).decode_utf8().is_err() {
            faults.note("query", "must be UTF-8, percent-encoded where it is not ASCII");
        }
        Self { values, faults }
    }

    /// Parses a parameter, if present.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(String) -> Result<T, InvalidValue>,
    ) -> Read<Option<T>> {
        match self.values.remove(name) {
            None => Ok(None),
            Some(text) => read(text).map(Some).map_err(|fault| self.faults.note(name, fault.0)),
        }
    }

    /// Parses a parameter that must be valid as `T`, if present.
    pub(crate) fn parsed<T: FromStr<Err = InvalidValue>>(&mut self, name: &str) -> Read<Option<T>> {
        self.optional(name, |text| text.parse())
    }

    /// Parses true or false, if present.
    pub(crate) fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        self.optional(name, |text| match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(InvalidValue::new("must be true or false")),
        })
    }

    /// Parses an integer within a range, if present.
    pub(crate) fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Read<Option<u64>> {
        self.optional(name, |text| match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => {
                Err(InvalidValue::new(format!("must be an integer from {} to {}", range.start(), range.end())))
            }
        })
    }

    /// Parses `limit`, at most `max`.
    pub(crate) fn limit(&mut self, default: u32, max: u32) -> Read<u32> {
        let limit = self.number("limit", 1..=u64::from(max))?;
        Ok(limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(default))
    }

    /// Parses `limit`, `offset` and `cursor`.
    pub(crate) fn paging(&mut self, default: u32, max: u32) -> Read<RequestedPage> {
        let limit = self.limit(default, max);
        let offset = self.number("offset", 0..=i64::MAX.unsigned_abs());
        let cursor = self.parsed::<Cursor>("cursor");
        let (limit, offset, cursor) = (limit?, offset?, cursor?);
        Ok(match (offset, cursor) {
            (Some(_), Some(_)) => return Err(self.faults.note("offset", "must not be given together with cursor")),
            (None, Some(cursor)) => {
                RequestedPage { request: PageRequest { limit, start: Start::After(cursor) }, offset: None }
            }
            (offset, None) => {
                let skip = offset.unwrap_or(0);
                RequestedPage { request: PageRequest { limit, start: Start::Offset(skip) }, offset: Some(skip) }
            }
        })
    }

    /// Returns the built value if there were no faults.
    ///
    /// # Errors
    /// Fails with all faults.
    pub(crate) fn done<T>(self, build: impl FnOnce() -> Read<T>) -> Result<T, ApiError> {
        self.faults.done(build)
    }
}
