//! Notifications of what the use cases do, as they do it, above all for metrics. They come from the process that did it
//! and are stored nowhere; a reader that must miss nothing reads the events in the store.

use std::time::Duration;

use crate::domain::event::Event;

/// Receives notifications within a use case: it must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A commit was written, with these events. A commit whose outcome is unknown is not reported, although it may have
    /// been written.
    fn committed(&self, events: &[Event]);

    /// A session was recovered, so long after it failed or missed its deadline.
    fn recovered(&self, after: Duration);
}
