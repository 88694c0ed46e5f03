//! The open connections: how many there are, so that the end of the last one is known at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many connections are open.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    fewer: Notify,
}

impl Connections {
    /// How many there are now.
    pub fn count(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until none is open.
    pub async fn none_left(&self) {
        loop {
            let fewer = self.fewer.notified();
            if self.count() == 0 {
                return;
            }
            fewer.await;
        }
    }
}

/// Stands for one connection as long as it is open.
#[derive(Debug)]
pub(crate) struct Guard(Arc<Connections>);

impl Guard {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        connections.open.fetch_add(1, Ordering::SeqCst);
        Self(connections)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.fewer.notify_waiters();
    }
}
