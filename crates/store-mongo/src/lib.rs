//! The store of Rekindle for many machines: a MongoDB replica set or sharded cluster, 6.0 or newer.
//!
//! Read in this order: `documents` (what is stored), `schema` (validators and indexes), `find` and `query` (every read),
//! `commit` and `heartbeats` (every write), `connect` (what fails the start, and why).

#![warn(missing_docs)]

mod backoff;
mod commit;
mod connect;
mod connect_error;
mod count_cache;
mod database;
mod documents;
mod error;
mod events;
mod executor;
#[doc(hidden)]
pub mod explain;
mod find;
mod heartbeats;
mod indexes;
mod kinds;
mod lease;
mod options;
mod ordered_ids;
mod primary_monitor;
mod query;
mod reply;
mod schema;
mod stale_transactions;
mod store;

pub use connect_error::ConnectError;
pub use options::{BadAddress, MongoAddress, MongoOptions, Setup};
pub use store::MongoStore;
