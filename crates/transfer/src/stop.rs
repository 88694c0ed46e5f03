//! Stops an export, a verification or an import from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::TransferError;

/// Stops an export, a verification or an import at its next opportunity. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Requests the stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Fails with [`TransferError::Stopped`] once a stop was requested.
    pub(crate) fn check(&self) -> Result<(), TransferError> {
        if self.0.load(Ordering::Relaxed) { Err(TransferError::Stopped) } else { Ok(()) }
    }
}
