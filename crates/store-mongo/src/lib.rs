//! The store of Rekindle for many machines: a MongoDB replica set or sharded cluster, 6.0 or newer.
//!
//! Read in this order: `documents` (what is stored), `schema` (validators and indexes), `query` and `reads` (every
//! question there is), `connect` (what is refused at the start, and why).

mod commit;
mod connect;
mod count_cache;
mod database;
mod documents;
mod error;
mod events;
mod executor;
#[doc(hidden)]
pub mod explain;
mod heartbeats;
mod lease;
mod options;
mod ordered_ids;
mod primary_monitor;
mod query;
mod reads;
mod schema;
mod stale_transactions;
mod store;

pub use connect::ConnectError;
pub use options::{BadAddress, MongoAddress, MongoOptions, Setup};
pub use store::MongoStore;
