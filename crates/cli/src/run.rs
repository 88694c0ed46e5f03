//! What makes a command a tracked session. [`child`] is the command as a process, with its [`terminal`], the [`tee`] of
//! its stderr, the [`signals`] it is sent and the [`guard`] that ends it after a runner that vanished; [`plan`],
//! [`registration`] and [`reporter`] tell the server of it; [`story`] is how its end is told.

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
