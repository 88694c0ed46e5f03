//! Reaching the servers. What only an operator can change is told at the start; servers that do not answer are tried
//! again in the background, and until then every call is `Unavailable` with the reason.

mod error;
mod handshake;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

pub use error::ConnectError;
use handshake::HandshakeError;
use mongodb::Client;
use rekindle_core::StoreError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::database::Database;
use crate::options::MongoOptions;
use crate::primary_monitor::PrimaryMonitor;

/// How long the start waits for a server to answer.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// How long it waits for a server that has answered: indexes take their time on a slow disk.
const PREPARING: Duration = Duration::from_secs(30);
/// The pauses between attempts, from the first to the longest; up to a quarter is taken off at random.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

/// The way to the servers: usable once they were reached and the database was prepared.
pub struct Connection {
    state: Arc<State>,
    attempts: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    ready: OnceLock<Database>,
    client: Mutex<Option<Client>>,
    losses: PrimaryMonitor,
    reason: Mutex<String>,
    /// Whether any server has ever answered.
    reached: AtomicBool,
}

impl fmt::Debug for Connection {
    /// Without the driver's own parts, which know the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("ready", &self.state.ready.get().is_some()).finish_non_exhaustive()
    }
}

impl State {
    fn client(&self) -> Option<Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why it is not usable, and logs it if that is news.
    fn not_ready(&self, trouble: &HandshakeError) {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        let now = trouble.to_string();
        if *reason == now {
            return;
        }
        match trouble {
            HandshakeError::Away(_) => tracing::warn!(reason = %now, "the database cannot be used yet"),
            HandshakeError::Refused(_) => tracing::error!(reason = %now, "the database cannot be used"),
        }
        *reason = now;
    }
}

impl Connection {
    /// Looks at the servers for a few seconds. Those that do not answer in this time are tried again until they do.
    ///
    /// # Errors
    /// What an operator has to change.
    pub async fn open(options: &MongoOptions) -> Result<Self, ConnectError> {
        handshake::check(options)?;
        let state = Arc::new(State::default());
        *state.reason.lock().unwrap_or_else(PoisonError::into_inner) =
            format!("{} has not answered yet", options.address);
        let (first, mut outcome) = oneshot::channel();
        let attempts = tokio::spawn(reconnect_loop(Arc::clone(&state), options.clone(), first));
        let connection = Self { state, attempts };
        let mut told = timeout(FIRST_LOOK, &mut outcome).await;
        if told.is_err() && connection.state.reached.load(Ordering::Relaxed) {
            told = timeout(PREPARING, outcome).await;
        }
        match told {
            Ok(Ok(Err(refused))) => {
                connection.close().await;
                Err(refused)
            }
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(connection),
        }
    }

    /// The collections, once they are prepared.
    ///
    /// # Errors
    /// Unavailable, with the reason, until then.
    pub fn ready(&self) -> Result<&Database, StoreError> {
        self.state.ready.get().ok_or_else(|| {
            StoreError::Unavailable(self.state.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
        })
    }

    /// Stops trying, and lets go of the servers. For when every call has ended: what is still under way fails.
    pub async fn close(&self) {
        self.attempts.abort();
        if let Some(client) = self.state.client() {
            client.shutdown().immediate(true).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.attempts.abort();
    }
}

/// Until the database is prepared. The first outcome is told to whoever opens: what is refused then ends it all.
async fn reconnect_loop(state: Arc<State>, options: MongoOptions, first: oneshot::Sender<Result<(), ConnectError>>) {
    let mut first = Some(first);
    let [mut pause, longest] = PAUSES;
    loop {
        let trouble = match attempt(&state, &options).await {
            Ok(collections) => {
                let was_told = first.is_none();
                // Nobody else sets it.
                let _ = state.ready.set(collections);
                if let Some(first) = first {
                    // Whoever opened may have stopped waiting.
                    let _ = first.send(Ok(()));
                }
                if was_told {
                    tracing::info!(database = %options.database, "the database can be used now");
                }
                return;
            }
            Err(trouble) => trouble,
        };
        let told = match &trouble {
            HandshakeError::Refused(refused) => Err(refused.clone()),
            HandshakeError::Away(_) => Ok(()),
        };
        state.not_ready(&trouble);
        if let Some(first) = first.take() {
            // As above.
            let _ = first.send(told);
        }
        sleep(pause.mul_f64(1.0 - fastrand::f64() / 4.0)).await;
        pause = (pause * 2).min(longest);
    }
}

async fn attempt(state: &State, options: &MongoOptions) -> Result<Database, HandshakeError> {
    let client = match state.client() {
        Some(client) => client,
        None => {
            let client = handshake::client(options, &state.losses).await?;
            *state.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
            client
        }
    };
    handshake::at(&client, &state.losses, options, &|| state.reached.store(true, Ordering::Relaxed)).await
}
