//! `rekindle run`: the parts that make a command a tracked session. [`child`] is the command as a process, with its
//! [`terminal`], [`stderr_capture`], [`signals`] and the [`process_guard`] that ends it if the runner is killed.
//! [`plan`], [`registration`] and [`reporter`] report it to the server; [`outcome`] describes how it ended.

pub mod backoff;
pub mod child;
pub mod outcome;
pub mod plan;
pub mod process_guard;
pub mod registration;
pub mod report_error;
pub mod reporter;
pub mod signals;
pub mod stderr_capture;
pub mod terminal;
