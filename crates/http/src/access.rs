//! Who asks, and what they may: keys become identities (`keyring`), a table of roles says what an identity may ask for
//! (`permit`), a [`RequestContext`] carries out use cases on its behalf, once where a request says so (`once`), and who was
//! refused is written down (`refusals`).

mod caller;
mod keyring;
mod once;
mod permit;
mod refusals;

pub use caller::{AuthContext, RequestContext};
pub use keyring::{ApiKeyCache, Identity, hash as secret_hash};
pub use permit::{AccessRule, KeyScope, RequireAccess};
pub use refusals::{DeniedLog, Refused};
