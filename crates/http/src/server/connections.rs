//! The open connections: how many there are, so that the end of the last one is known at once, and what each is busy with,
//! so that one that is busy with nothing is not held for ever.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServiceRequest;
use tokio::sync::Notify;

/// How many connections are open.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: AtomicUsize,
    fewer: Notify,
}

impl Connections {
    pub(super) fn count(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until none is open.
    pub(super) async fn none_left(&self) {
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
pub(super) struct Guard(Arc<Connections>);

impl Guard {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
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

/// What is known of one connection. It never leaves its thread.
#[derive(Debug)]
pub(super) struct Connection {
    /// Whether it is encrypted.
    pub(super) secure: bool,
    /// So many of its requests are being answered.
    busy: Cell<u32>,
    /// So many of its requests have begun.
    begun: Cell<u64>,
}

impl Connection {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure, busy: Cell::new(0), begun: Cell::new(0) }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.get() > 0
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun.get()
    }
}

/// Stands for a request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlightGuard(Rc<Connection>);

impl InFlightGuard {
    /// Its connection is busy from now on. In a service that is not our server nobody asks.
    pub(crate) fn with(req: &ServiceRequest) -> Option<Self> {
        let connection = Rc::clone(req.conn_data::<Rc<Connection>>()?);
        connection.busy.set(connection.busy.get() + 1);
        connection.begun.set(connection.begun.get() + 1);
        Some(Self(connection))
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
    }
}

/// Whether a request came over TLS, as far as this server did it.
pub(crate) fn is_secure(req: &ServiceRequest) -> bool {
    req.conn_data::<Rc<Connection>>().is_some_and(|connection| connection.secure)
}
