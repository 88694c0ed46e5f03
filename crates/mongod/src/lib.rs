//! A real `mongod` for tests, benchmarks and `cargo xtask`; never shipped. It is found, or fetched where the caller asks
//! for that; nodes are started on loopback as a replica set, and end with what started them. Everything here blocks its
//! thread and needs no runtime of the caller's; from async code, call it in `spawn_blocking` or in a [`binary_case!`].

mod admin;
mod binary;
mod cluster;
mod fetch;
mod folder;
mod node;
mod options;
mod process;
mod proxy;
mod suite;

pub use binary::{FETCHED_VERSION, NO_MONGOD, find, target_dir, version};
pub use cluster::{Nodes, RunningNode};
pub use fetch::find_or_fetch;
pub use options::{Options, Shape};
pub use process::{ends, is_running};
pub use proxy::Partition;
pub use suite::{Case, Run, Running, TEST_BINARY, TEST_URI, suite, test_binary, test_uri};

use std::time::Duration;

/// Waits; what is waited for is another process, looked at again and again.
#[expect(clippy::disallowed_methods, reason = "the caller is told that this crate blocks its thread")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// A MongoDB URI fit to be shown: with `***` where a password is.
pub fn masked(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    // The authority ends at the first slash or question mark; a well-formed password has neither, an ill-formed one is
    // hidden too, by looking for the last @ of all.
    let Some((credentials, hosts)) = rest.rsplit_once('@') else { return uri.to_owned() };
    let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
    format!("{scheme}://{user}:***@{hosts}")
}

#[cfg(test)]
mod tests {
    //! What is shown of a URI.

    use super::masked;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(masked("mongodb://u:secret@h:1,i:2/?replicaSet=r"), "mongodb://u:***@h:1,i:2/?replicaSet=r");
        assert_eq!(masked("mongodb+srv://u:se/c@ret@h/db"), "mongodb+srv://u:***@h/db");
        assert_eq!(masked("mongodb://127.0.0.1:1/?replicaSet=r"), "mongodb://127.0.0.1:1/?replicaSet=r");
    }
}
