//! The entities: sessions, tasks, machines, API keys and events, with their state machines, and the rejections of
//! requests. These are pure values: nothing here reads a store or a clock.

pub mod api_key;
pub mod event;
pub mod machine;
pub mod rejection;
pub mod session;
pub mod task;
