//! The commands, one file for each family.

pub(crate) mod audit;
pub(crate) mod cleanup;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod detect;
pub(crate) mod dev;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod machine;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod task;
