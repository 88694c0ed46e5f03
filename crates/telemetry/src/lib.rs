//! What a server shows of itself: its log, its traces, and its metrics.

#![warn(missing_docs)]

pub mod logging;
pub mod metrics;
mod panic;
mod pass_log;
pub mod traces;

pub use panic::{catch_panic, panic_message};
pub use pass_log::{DETECTOR, RETENTION, log_deleted, log_pass, millis};
