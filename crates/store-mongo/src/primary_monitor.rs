//! The loss of the primary. The driver waits for a reply for as long as the connection exists, and the connection to a
//! server that stopped, or that a broken network hides, exists for minutes. But the driver also monitors the servers,
//! and learns within seconds of a new primary: then the old one will not reply any more, and the call stops waiting.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mongodb::ServerType;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ServerAddress;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long a reply may still be on its way after a failover: a primary that steps down in good order replies first.
const GRACE: Duration = Duration::from_millis(500);

/// Knows the primary, and wakes its waiters when another server becomes primary. A primary that was out of sight for a
/// moment and stays primary is no loss: the driver retries by itself. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrimaryMonitor(Arc<watch::Sender<Option<ServerAddress>>>);

impl PrimaryMonitor {
    /// Returns the handler by which the driver reports the servers' roles.
    pub(crate) fn handler(&self) -> EventHandler<SdamEvent> {
        let monitor = self.clone();
        EventHandler::callback(move |event| {
            if let SdamEvent::ServerDescriptionChanged(event) = event
                && event.new_description.server_type() == ServerType::RsPrimary
            {
                monitor.set_primary(event.address.clone());
            }
        })
    }

    fn set_primary(&self, server: ServerAddress) {
        self.0.send_if_modified(|primary| primary.as_ref() != Some(&server) && primary.replace(server).is_some());
    }

    /// Runs a call. Returns `None` when the primary was lost meanwhile, or the limit passed: its reply is not waited for
    /// any more.
    pub(crate) async fn run_until_failover<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut primary = self.0.subscribe();
        let failover = async {
            // The sender lives as long as `self`: this cannot fail.
            let _ = primary.changed().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = failover => None,
            () = sleep(limit) => None,
        }
    }
}

#[cfg(test)]
mod tests;
