//! A real `mongod` for tests, benchmarks and `cargo xtask`; never shipped. It is found, or fetched on request. Nodes
//! are started on loopback as a replica set, and end with the process that started them. Everything here blocks its
//! thread and needs no runtime; from async code, call it in `spawn_blocking` or in a [`binary_case!`].

mod admin;
mod binary;
mod cluster;
mod fetch;
mod folder;
mod masked;
mod node;
mod options;
mod pause;
mod process;
mod proxy;
mod suite;

pub use binary::{FETCHED_VERSION, NO_MONGOD, find, target_dir, version};
pub use cluster::{Nodes, RunningNode};
pub use fetch::find_or_fetch;
pub use masked::masked;
pub use options::{Options, Shape};
pub use process::{ends, is_running};
pub use proxy::Partition;
pub use suite::{Case, Run, Running, TEST_BINARY, TEST_URI, suite, test_binary, test_uri};
