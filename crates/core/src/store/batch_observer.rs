//! Notifications of a store about its write batches, for metrics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Receives a notification of each batch of writes, on the thread that writes: it must be quick and must not block.
pub trait BatchObserver: Send + Sync + 'static {
    /// A batch of `size` writes began; the first of them had waited for `waited`.
    fn batch(&self, size: usize, waited: Duration);
}

/// An optional observer. Two handles are equal if they share one observer, or have none.
#[derive(Clone, Default)]
pub struct BatchObserverHandle(Option<Arc<dyn BatchObserver>>);

impl BatchObserverHandle {
    /// Returns a handle of this observer.
    pub fn by(observer: Arc<dyn BatchObserver>) -> Self {
        Self(Some(observer))
    }

    /// Returns the observer, if there is one.
    pub fn observer(&self) -> Option<&dyn BatchObserver> {
        self.0.as_deref()
    }
}

impl fmt::Debug for BatchObserverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "BatchObserverHandle(Some(..))" } else { "BatchObserverHandle(None)" })
    }
}

impl PartialEq for BatchObserverHandle {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for BatchObserverHandle {}
