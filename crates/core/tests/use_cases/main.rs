//! The use cases on a store in memory with a manual clock: the domain's rules without I/O.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test reports")]

mod detection;
mod leases;
mod machines;
mod observers;
mod recovery;
mod sessions;
mod support;
mod tasks;
mod unknown_outcome;
