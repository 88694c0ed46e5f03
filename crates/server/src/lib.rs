//! The server: puts store, API, jobs, log and listener together, with its settings. See [`ServerBuilder`].

#![warn(missing_docs)]

mod backup_job;
mod builder;
mod error;
mod log;
mod running;
mod serve;
pub mod settings;
mod signals;
mod systemd;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use log::start_log;
pub use running::RunningServer;
