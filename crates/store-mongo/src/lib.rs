//! The store of Rekindle for many machines: a MongoDB replica set or sharded cluster, 6.0 or newer.
//!
//! Read in this order: `documents` (what is stored), `schema` (validators and indexes), `query` and `reads` (every
//! question there is), `connect` (what is refused at the start, and why).

mod beats;
mod calls;
mod collections;
mod commit;
mod connect;
mod documents;
mod events;
#[doc(hidden)]
pub mod explain;
mod fault;
mod lease;
mod losses;
mod marks;
mod options;
mod orphans;
mod query;
mod reads;
mod schema;
mod store;
mod totals;

pub use connect::ConnectError;
pub use options::{BadAddress, MongoAddress, MongoOptions, Setup};
pub use store::MongoStore;
