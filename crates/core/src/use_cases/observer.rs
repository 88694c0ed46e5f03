//! Whoever wants to know what the use cases did, as they do it: metrics above all. What is told here is told by the
//! process that did it, and nowhere kept; what must not be missed is in the events that the store keeps.

use std::time::Duration;

use crate::domain::event::Event;

/// Is told on the way of the use case: it must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A commit went through, with these events. One whose answer was lost is not told, although it may have happened.
    fn committed(&self, events: &[Event]);

    /// A session was brought back, so long after it was given up: after it failed, or after its deadline.
    fn recovered(&self, after: Duration);
}
