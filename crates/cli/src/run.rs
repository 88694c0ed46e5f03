//! What makes a command a tracked session. [`child`] is the command as a process, with its [`terminal`], the [`tee`] of
//! its stderr, the [`signals`] it is sent and the [`guard`] that ends it after a runner that vanished; [`plan`],
//! [`registration`] and [`reporter`] tell the server of it; [`story`] is how its end is told.

pub mod backoff;
pub mod child;
pub mod guard;
pub mod plan;
pub mod registration;
pub mod reporter;
pub mod signals;
pub mod story;
pub mod tee;
pub mod terminal;
pub mod trouble;
