//! Who asks, and what they may: keys become identities (`keyring`), a table of roles says what an identity may ask for
//! (`permit`), a [`RequestContext`] carries out use cases on its behalf, once where a request says so (`once`), and who was
//! refused is written down (`refusals`).

mod access_rule;
mod denied_log;
mod idempotency;
mod key_cache;
mod request_context;

pub use access_rule::{AccessRule, KeyScope, RequireAccess};
pub use denied_log::{DeniedLog, Refused};
pub use key_cache::{ApiKeyCache, Identity, hash as secret_hash};
pub use request_context::{AuthContext, RequestContext};
