//! What a store adapter is tested with, usable from outside this workspace: the conformance suite, a random
//! comparison with [`MemoryStore`] (the meaning of the port in the plainest code), the domain's invariants as a check
//! over any store, and a clock and ids that a test sets by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this crate is test code: a failed expectation is its way to report"
)]

pub mod catalogue;
pub mod conformance;
mod faulty;
pub mod invariants;
mod manual_clock;
mod memory;
pub mod model;
pub mod note;
pub mod sample;

pub use faulty::{Fault, FaultyStore, Outage};
pub use manual_clock::{ManualClock, SequentialIds};
pub use memory::MemoryStore;
