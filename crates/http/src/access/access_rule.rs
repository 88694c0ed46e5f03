//! What each endpoint asks of whoever asks it: a role, and whether a key that is bound to one project is enough. The
//! table is in `crate::routes`; this enforces a line of it.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage};
use rekindle_core::Role;

use super::{AuthContext, Identity, Refused};
use crate::error::ApiError;
use crate::state::AppState;

/// How far an endpoint reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// What it shows or touches belongs to one project.
    Project,
    /// It is about all of them.
    All,
}

/// What an endpoint asks of whoever asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRule {
    /// The least role; none: anybody, also without a key.
    pub role: Option<Role>,
    /// How far it reaches.
    pub reach: KeyScope,
}

impl AccessRule {
    /// Whether this one may.
    ///
    /// # Errors
    /// 403, and what would be needed.
    pub fn check(self, identity: &Identity) -> Result<(), ApiError> {
        let Some(needed) = self.role else { return Ok(()) };
        let (id, role) = (identity.id, identity.role);
        if role < needed {
            let message = format!("this needs a key with the role {needed} or above; key {id} is a {role}'s");
            return Err(ApiError::forbidden("role", message, needed.as_str()));
        }
        match (&identity.project, self.reach) {
            (Some(project), KeyScope::All) => {
                let message = format!(
                    "this is about all projects, and key {id} is for project {project} only; it needs a key with the \
                     role {needed} that is bound to no project"
                );
                Err(ApiError::forbidden("project_id", message, project.as_str()))
            }
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// Lets only those through that may.
#[derive(Clone)]
pub struct RequireAccess {
    /// What is asked of them.
    pub permit: AccessRule,
    /// Where refusals are noted.
    pub context: AppState,
}

impl<S> Transform<S, ServiceRequest> for RequireAccess
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = PermittedService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(PermittedService { service, permitted: self.clone() }))
    }
}

/// See [`RequireAccess`].
pub struct PermittedService<S> {
    service: S,
    permitted: RequireAccess,
}

impl<S> Service<ServiceRequest> for PermittedService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let RequireAccess { permit, context } = &self.permitted;
        let visit = req.extensions().get::<AuthContext>().cloned();
        let refused = match &visit {
            Some(visit) => permit.check(&visit.identity).err().map(|error| (error, visit)),
            // What needs a key is not come to without one.
            None => None,
        };
        if let Some((error, visit)) = refused {
            context.metrics().auth_failed(error.code.as_str());
            context.denied_log().note(Refused::forbidden(visit, &req, &error));
            return Box::pin(ready(Ok(req.error_response(error))));
        }
        Box::pin(self.service.call(req))
    }
}
