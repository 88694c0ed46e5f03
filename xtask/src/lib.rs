//! The part of the automation that its integration tests also use.

pub mod circles;
