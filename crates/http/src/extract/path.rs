//! The id in a path. A text that is not a valid id names nothing: 404.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use rekindle_core::{InvalidValue, KeyId, MachineId, SessionId, TaskId};

use crate::error::ApiError;

/// The `{id}` of the path.
#[derive(Debug, Clone)]
pub(crate) struct PathId<T>(pub T);

/// An entity that an id names.
pub(crate) trait Named: FromStr<Err = InvalidValue> {
    /// The name of the entity in error messages.
    const ENTITY: &'static str;
}

impl Named for SessionId {
    const ENTITY: &'static str = "session";
}

impl Named for TaskId {
    const ENTITY: &'static str = "task";
}

impl Named for KeyId {
    const ENTITY: &'static str = "key";
}

impl Named for MachineId {
    const ENTITY: &'static str = "machine";
}

impl<T: Named> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let given = web::Path::<String>::from_request(req, payload).into_inner();
        let shown = || req.match_info().get("id").unwrap_or_default();
        let id = match &given {
            Ok(given) => given.parse().map_err(|_: InvalidValue| given.as_str()),
            Err(_) => Err(shown()),
        };
        ready(id.map(Self).map_err(|shown| ApiError::not_found(format!("there is no {} {shown}", T::ENTITY))))
    }
}
