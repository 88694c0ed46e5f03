//! What every use case works with: the store, time and ids, the policy, and on whose behalf and within which scope it
//! acts.

use std::sync::Arc;

use super::error::Error;
use super::idempotency::IdempotentRequest;
use super::observer::Observer;
use super::policy::Policy;
use crate::clock::{Clock, Ids};
use crate::domain::api_key::Actor;
use crate::domain::rejection::Rejection;
use crate::domain::session::Session;
use crate::rules::liveness::LivenessRule;
use crate::store::{Fence, FindTyped, Store, Versioned, queries};
use crate::values::{ProjectId, SessionId, Timestamp};

/// The parts that all use cases share.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) policy: Policy,
    pub(super) fence: Option<Fence>,
    pub(super) actor: Option<Actor>,
    pub(super) scope: Option<ProjectId>,
    pub(super) idempotent_request: Option<Arc<IdempotentRequest>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Engine {
    /// Returns a session within the scope.
    pub(super) async fn load_session(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let found = self.store.read(queries::session(id)).await?.filter(|row| self.in_scope(&row.value.project_id));
        found.ok_or_else(|| Rejection::NotFound { entity: "session", id: id.to_string() }.into())
    }

    /// Returns whether a project is within the scope. Entities of other projects are treated as if they did not exist.
    pub(super) fn in_scope(&self, project: &ProjectId) -> bool {
        self.scope.as_ref().is_none_or(|only| only == project)
    }

    /// Returns whether a rejection may name this session to the caller.
    pub(super) async fn is_visible(&self, id: SessionId) -> Result<bool, Error> {
        Ok(match self.scope {
            None => true,
            Some(_) => {
                self.store.read(queries::session(id)).await?.is_none_or(|row| self.in_scope(&row.value.project_id))
            }
        })
    }

    /// Fails with [`Rejection::OtherProject`] for a project outside the scope.
    pub(super) fn ensure_in_scope(&self, project: &ProjectId) -> Result<(), Rejection> {
        match &self.scope {
            Some(only) if only != project => Err(Rejection::OtherProject { only: only.clone() }),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the project that a list is limited to: the requested one, or the scope.
    pub(super) fn project_filter(&self, requested: Option<&ProjectId>) -> Result<Option<ProjectId>, Rejection> {
        if let Some(requested) = requested {
            self.ensure_in_scope(requested)?;
        }
        Ok(requested.or(self.scope.as_ref()).cloned())
    }

    /// Returns the rule by which sessions and machines are overdue at `now`.
    pub(super) async fn liveness_rule(&self, now: Timestamp) -> Result<LivenessRule, Error> {
        Ok(LivenessRule::at(now, self.store.read(queries::detector_state()).await?, self.policy.stall_threshold))
    }
}
