//! The commands, one file for each family.

pub mod audit;
pub mod cleanup;
pub mod completions;
pub mod config;
pub mod db;
pub mod detect;
pub mod dev;
pub mod health;
pub mod key;
pub mod machine;
pub mod run;
pub mod serve;
pub mod session;
pub mod status;
pub mod task;
