//! Authentication and permissions. API keys become identities (`key_cache`), and a table of roles says what an identity
//! may do (`access_rule`). A [`RequestContext`] runs use cases for it, once where the request has an idempotency key
//! (`idempotency`). Refused requests go to the audit log (`denied_log`).

mod access_rule;
mod denied_log;
mod idempotency;
mod key_cache;
mod request_context;

pub use access_rule::{AccessRule, KeyScope, RequireAccess};
pub use denied_log::{DeniedLog, Refused};
pub use key_cache::{ApiKeyCache, Identity, hash as secret_hash};
pub use request_context::{AuthContext, RequestContext};
