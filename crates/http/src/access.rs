//! Who asks, and what they may: keys become identities (`keyring`), a table of roles says what an identity may ask for
//! (`permit`), a [`Caller`] carries out use cases on its behalf, once where a request says so (`once`), and who was
//! refused is written down (`refusals`).

mod caller;
mod keyring;
mod once;
mod permit;
mod refusals;

pub use caller::{Caller, Visit};
pub use keyring::{Identity, KeyRing, hash as secret_hash};
pub use permit::{Permit, Permitted, Reach};
pub use refusals::{Refusals, Refused};
