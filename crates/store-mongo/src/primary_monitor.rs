//! The loss of the server that leads. The driver waits for an answer for as long as the connection stands, and that of a
//! server that stopped, or that a broken network hides, stands for minutes. But the driver also watches the servers, and
//! learns within seconds that another one leads: then nobody will answer what the old one was asked, and we stop waiting.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mongodb::ServerType;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ServerAddress;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long an answer may still be on its way after the loss: whoever steps down in good order answers first.
const GRACE: Duration = Duration::from_millis(500);

/// Knows who leads, and tells when another does. A leader that was out of sight for a moment and still leads is no loss: the
/// driver asks it again by itself. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct PrimaryMonitor(Arc<watch::Sender<Option<ServerAddress>>>);

impl PrimaryMonitor {
    /// What the driver tells it by.
    pub fn handler(&self) -> EventHandler<SdamEvent> {
        let losses = self.clone();
        EventHandler::callback(move |event| {
            if let SdamEvent::ServerDescriptionChanged(event) = event
                && event.new_description.server_type() == ServerType::RsPrimary
            {
                losses.leads(event.address.clone());
            }
        })
    }

    fn leads(&self, server: ServerAddress) {
        self.0.send_if_modified(|leader| leader.as_ref() != Some(&server) && leader.replace(server).is_some());
    }

    /// Runs what waits for an answer. None: whoever leads was lost meanwhile, or the limit passed, and the answer is not
    /// waited for any more.
    pub async fn run_until_failover<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut leader = self.0.subscribe();
        let lost = async {
            // Its sender is here.
            let _ = leader.changed().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = lost => None,
            () = sleep(limit) => None,
        }
    }
}

#[cfg(test)]
mod tests;
