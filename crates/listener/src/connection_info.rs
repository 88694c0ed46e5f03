//! The state of one connection: whether it is encrypted, and whether a request is in flight, so that an idle one is
//! closed after a while.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::dev::ServiceRequest;

/// What is known of one connection. It never leaves its thread.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Whether it is encrypted.
    pub(crate) secure: bool,
    /// So many of its requests are being answered.
    busy: Cell<u32>,
    /// So many of its requests have begun.
    begun: Cell<u64>,
}

impl Connection {
    pub(crate) fn new(secure: bool) -> Self {
        Self { secure, busy: Cell::new(0), begun: Cell::new(0) }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get() > 0
    }

    pub(crate) fn begun(&self) -> u64 {
        self.begun.get()
    }
}

/// Stands for a request that is being answered.
#[derive(Debug)]
pub struct InFlightGuard(Rc<Connection>);

impl InFlightGuard {
    /// Marks the connection as busy. Has no effect in a service without our listener.
    pub fn with(req: &ServiceRequest) -> Option<Self> {
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
pub fn is_secure(req: &ServiceRequest) -> bool {
    req.conn_data::<Rc<Connection>>().is_some_and(|connection| connection.secure)
}
