//! The connection to the servers. What only an operator can change fails the start; servers that do not answer are retried
//! in the background, and until then every call is `Unavailable` with the reason.

mod handshake;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mongodb::Client;
use rekindle_core::store::StoreError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::handshake::HandshakeError;
use crate::backoff::Backoff;
use crate::connect_error::ConnectError;
use crate::database::Database;
use crate::options::MongoOptions;
use crate::primary_monitor::PrimaryMonitor;

/// How long the start waits for a server to answer.
const FIRST_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long it waits for a server that has answered: indexes take their time on a slow disk.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5), 0.25);

/// The connection to the servers, usable once they answered and the database was prepared.
pub(crate) struct Connection {
    state: Arc<State>,
    reconnect_task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    database: OnceLock<Database>,
    client: Mutex<Option<Client>>,
    primary_monitor: PrimaryMonitor,
    /// Why the database cannot be used yet.
    reason: Mutex<String>,
    /// Whether any server has ever answered.
    reached: AtomicBool,
}

impl fmt::Debug for Connection {
    /// Leaves out the driver's own parts, which know the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("ready", &self.state.database.get().is_some()).finish_non_exhaustive()
    }
}

impl State {
    fn client(&self) -> Option<Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_reason(&self, reason: String) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    fn reason(&self) -> String {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the reason of a failed attempt, and logs it if it is new.
    fn record_failure(&self, error: &HandshakeError) {
        let reason = error.to_string();
        if self.reason() == reason {
            return;
        }
        match error {
            HandshakeError::Unavailable(_) => tracing::warn!(%reason, "the database cannot be used yet"),
            HandshakeError::Refused(_) => tracing::error!(%reason, "the database cannot be used"),
        }
        self.set_reason(reason);
    }
}

impl Connection {
    /// Connects, for a few seconds. Servers that do not answer in this time are retried in the background.
    ///
    /// # Errors
    /// See [`ConnectError`]: what an operator has to change.
    pub(crate) async fn open(options: &MongoOptions) -> Result<Self, ConnectError> {
        handshake::check_database_name(&options.database)?;
        let state = Arc::new(State::default());
        state.set_reason(format!("{} has not answered yet", options.address));
        let (sender, mut receiver) = oneshot::channel();
        let reconnect_task = tokio::spawn(reconnect_loop(Arc::clone(&state), options.clone(), sender));
        let connection = Self { state, reconnect_task };
        let mut first_result = timeout(FIRST_ATTEMPT_TIMEOUT, &mut receiver).await;
        if first_result.is_err() && connection.state.reached.load(Ordering::Relaxed) {
            first_result = timeout(PREPARE_TIMEOUT, receiver).await;
        }
        match first_result {
            Ok(Ok(Err(refused))) => {
                connection.close().await;
                Err(refused)
            }
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(connection),
        }
    }

    /// Returns the database once it is prepared.
    ///
    /// # Errors
    /// `Unavailable`, with the reason, until then.
    pub(crate) fn ready(&self) -> Result<&Database, StoreError> {
        self.state.database.get().ok_or_else(|| StoreError::Unavailable(self.state.reason()))
    }

    /// Stops reconnecting, and closes the connections to the servers: calls that are still under way fail.
    pub(crate) async fn close(&self) {
        self.reconnect_task.abort();
        if let Some(client) = self.state.client() {
            client.shutdown().immediate(true).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reconnect_task.abort();
    }
}

/// Attempts to connect until the database is prepared. Sends the result of the first attempt.
async fn reconnect_loop(state: Arc<State>, options: MongoOptions, sender: oneshot::Sender<Result<(), ConnectError>>) {
    let mut first_result = Some(sender);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let error = match connect(&state, &options).await {
            Ok(database) => {
                // Only this loop sets it.
                let _ = state.database.set(database);
                match first_result {
                    // Fails when the start has stopped waiting.
                    Some(sender) => drop(sender.send(Ok(()))),
                    None => tracing::info!(database = %options.database, "the database can be used now"),
                }
                return;
            }
            Err(error) => error,
        };
        state.record_failure(&error);
        if let Some(sender) = first_result.take() {
            let result = match error {
                HandshakeError::Refused(refused) => Err(refused),
                HandshakeError::Unavailable(_) => Ok(()),
            };
            // As above.
            let _ = sender.send(result);
        }
        sleep(BACKOFF.pause(attempt)).await;
    }
}

async fn connect(state: &State, options: &MongoOptions) -> Result<Database, HandshakeError> {
    let client = match state.client() {
        Some(client) => client,
        None => {
            let client = handshake::client(options, &state.primary_monitor).await?;
            *state.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
            client
        }
    };
    let on_reached = || state.reached.store(true, Ordering::Relaxed);
    handshake::database(&client, &state.primary_monitor, options, &on_reached).await
}
