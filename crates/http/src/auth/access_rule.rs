//! What an endpoint requires of its caller: a role, and whether a key of one project is enough. `crate::routes` holds the
//! table, and `crate::middleware::require_access` enforces it.

use rekindle_core::Role;

use super::key_cache::Identity;
use crate::error::ApiError;

/// The projects that an endpoint concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyScope {
    /// The endpoint shows or changes data of one project.
    Project,
    /// The endpoint concerns all projects.
    All,
}

/// What an endpoint requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccessRule {
    /// The lowest role that is let in. None: every caller is, even without a key.
    pub role: Option<Role>,
    /// The projects that the endpoint concerns.
    pub scope: KeyScope,
}

impl AccessRule {
    /// Checks that this identity may call the endpoint.
    ///
    /// # Errors
    /// Fails with 403, which names the role or scope that is needed.
    pub(crate) fn check(self, identity: &Identity) -> Result<(), ApiError> {
        let Some(needed) = self.role else { return Ok(()) };
        let (id, role) = (identity.id, identity.role);
        if role < needed {
            let message = format!("this needs a key with the role {needed} or above; key {id} is a {role}'s");
            return Err(ApiError::forbidden("role", message, needed.as_str()));
        }
        match (&identity.project, self.scope) {
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
