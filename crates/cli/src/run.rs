//! `rekindle run`: the parts that make a command a tracked session. [`child`] is the command as a process, with its
//! [`terminal`], [`stderr_capture`], [`signals`] and the [`process_guard`] that ends it if the runner is killed.
//! [`plan`], [`registration`] and [`reporter`] report it to the server; [`outcome`] describes how it ended.

pub(crate) mod backoff;
pub(crate) mod child;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod process_guard;
pub(crate) mod registration;
pub(crate) mod report_error;
pub(crate) mod reporter;
pub(crate) mod signals;
pub(crate) mod stderr_capture;
pub(crate) mod terminal;
