//! What each endpoint requires of its caller: a role, and whether a key of one project is enough. `crate::routes` holds
//! the table; this module enforces it.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage};
use rekindle_core::Role;

use super::{AuthContext, Identity, Refused};
use crate::error::ApiError;
use crate::state::AppState;

/// The projects that an endpoint concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// The endpoint shows or changes data of one project.
    Project,
    /// The endpoint concerns all projects.
    All,
}

/// What an endpoint requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRule {
    /// The lowest role that is let in. None: every caller is, even without a key.
    pub role: Option<Role>,
    /// The projects that the endpoint concerns.
    pub reach: KeyScope,
}

impl AccessRule {
    /// Checks that this identity may call the endpoint.
    ///
    /// # Errors
    /// Fails with 403, which names the role or scope that is needed.
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

/// Middleware that lets only permitted requests through.
#[derive(Clone)]
pub struct RequireAccess {
    /// The requirement of the endpoint.
    pub permit: AccessRule,
    /// The state whose log records refused requests.
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

/// The service that [`RequireAccess`] makes.
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
            // A request without a key does not reach an endpoint that needs one.
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
