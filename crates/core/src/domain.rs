//! What there is: sessions, tasks, machines, API keys and events, each with its states, and why a request is rejected.
//! Pure values: nothing here reads a store or a clock.

pub mod api_key;
pub mod event;
pub mod machine;
pub mod rejection;
pub mod session;
pub mod task;
