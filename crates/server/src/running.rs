//! A server that listens, and how it stops: it takes nothing new, answers what has begun, stops the jobs, closes the store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use rekindle_http::AppState;
use rekindle_jobs::Scheduler;
use rekindle_listener::{Certificates, Connections};
use rekindle_telemetry::logging;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::warn;

/// How long open connections are warned that the server is shutting down, before they are closed.
const SHUTDOWN_NOTICE: Duration = Duration::from_millis(250);
/// How long the last answers have to get out, however late they were.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// A server that listens.
pub struct RunningServer {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<AppState>,
    pub(crate) drain_timeout: Duration,
    pub(crate) connections: Arc<Connections>,
    pub(crate) handle: ServerHandle,
    pub(crate) server: JoinHandle<std::io::Result<()>>,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) jobs: Scheduler,
}

impl RunningServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers with.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// SIGHUP: reads again what may have changed since it started. The one place for all of that.
    pub(crate) fn reload(&self) {
        logging::reopen();
        if let Some(certificates) = &self.certificates {
            certificates.reload();
        }
    }

    /// Like [`RunningServer::stop`], and warns open connections before they are closed.
    pub(crate) async fn stop_with_notice(self) {
        self.state.admission.drain();
        if self.connections.count() > 0 {
            tokio::time::sleep(SHUTDOWN_NOTICE.min(self.drain_timeout)).await;
        }
        self.stop().await;
    }

    /// Accepts no new work, completes the requests in flight within their time limit, stops the jobs and closes the
    /// store.
    ///
    /// As long as a request is in flight, the server listens: `/ready` tells load balancers to use other servers, and
    /// new requests are rejected with a hint to retry. Then connections are refused.
    pub async fn stop(mut self) {
        self.state.admission.drain();
        let deadline = Instant::now() + self.drain_timeout;
        let all_answered = timeout_at(deadline, self.state.admission.drained()).await.is_ok();
        // Idle connections are closed by this, the others once they have their answer. The workers look only once a
        // second whether that is so; the connections tell at once.
        let stopped = self.handle.stop(true);
        let last = if all_answered { deadline.max(Instant::now() + FLUSH_TIMEOUT) } else { deadline };
        tokio::select! {
            () = stopped => {}
            () = self.connections.none_left() => {}
            () = sleep_until(last) => {
                warn!(connections = self.connections.count(), "Requests in flight were cut off: they took too long");
            }
        }
        // Dropping the server ends its workers.
        self.server.abort();
        let _ = (&mut self.server).await;
        self.jobs.stop().await;
        // Who was refused in the last second, too, is to be in the audit trail.
        let _ = timeout(self.drain_timeout, self.state.flush_denied_log()).await;
        let closed = timeout(self.drain_timeout, self.state.tracker.store().close()).await;
        if closed.is_err() {
            warn!("The store did not close in time: what was answered is kept");
        }
    }
}
