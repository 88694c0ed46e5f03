//! What a store tells of its own working, for whoever measures it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Is told of writes that travel together. It is told by whoever writes: it must be quick and must not block.
pub trait BatchObserver: Send + Sync + 'static {
    /// A batch of so many writes set out; the first of them had waited this long.
    fn batch(&self, size: usize, waited: Duration);
}

/// An observer, or none; two are equal when they are the same one.
#[derive(Clone, Default)]
pub struct BatchObserverHandle(Option<Arc<dyn BatchObserver>>);

impl BatchObserverHandle {
    /// This observer is told.
    pub fn by(observer: Arc<dyn BatchObserver>) -> Self {
        Self(Some(observer))
    }

    /// Whoever is told.
    pub fn observer(&self) -> Option<&dyn BatchObserver> {
        self.0.as_deref()
    }
}

impl fmt::Debug for BatchObserverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "BatchWatch(somebody)" } else { "BatchWatch(nobody)" })
    }
}

impl PartialEq for BatchObserverHandle {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for BatchObserverHandle {}
