//! The part of the automation that its integration tests use too.

pub mod circles;
