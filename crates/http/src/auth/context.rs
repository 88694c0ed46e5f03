//! What is known of a request that was let in.

use std::net::IpAddr;

use rekindle_core::Actor;
use uuid::Uuid;

use super::key_cache::Identity;

/// The identity and the origin of a request that was let in.
#[derive(Debug, Clone)]
pub(crate) struct AuthContext {
    /// The identity of its API key.
    pub identity: Identity,
    /// The address of the client, if known.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: Uuid,
}

impl AuthContext {
    /// Returns the actor, as the audit log stores it.
    pub(crate) fn actor(&self) -> Actor {
        Actor { key: Some(self.identity.id), address: self.address, request: self.request_id }
    }
}
