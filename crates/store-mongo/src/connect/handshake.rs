//! One attempt to connect: which servers answer, and whether they are a replica set or cluster that Rekindle can use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use futures_util::future::join_all;
use mongodb::Client;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ServerAddress};
use tokio::time::timeout;

use crate::connect_error::ConnectError;
use crate::database::Database;
use crate::error::{code, code_of, describe};
use crate::kinds::Kinds;
use crate::options::{MongoOptions, Setup};
use crate::primary_monitor::PrimaryMonitor;
use crate::schema::{self, PrepareError};

/// The wire version of MongoDB 6.0.
const OLDEST_WIRE_VERSION: i64 = 17;
/// How long the driver may search for the primary before each server is queried.
const PRIMARY_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a single server has to answer when there is no primary.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the database cannot be used now.
#[derive(Debug)]
pub(super) enum HandshakeError {
    /// The servers do not answer as they should; another attempt may succeed.
    Unavailable(String),
    /// An operator has to change something.
    Refused(ConnectError),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => f.write_str(why),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl From<Error> for HandshakeError {
    fn from(error: Error) -> Self {
        let why = describe(&error);
        match (&*error.kind, code_of(&error)) {
            (ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. }, _) => {
                Self::Refused(ConnectError::Configuration(why))
            }
            (ErrorKind::Authentication { .. }, _) | (_, Some(code::AUTHENTICATION_FAILED)) => {
                Self::Refused(ConnectError::Refused { why })
            }
            (_, Some(code::UNAUTHORIZED)) => Self::Refused(ConnectError::Forbidden { why }),
            (_, _) => Self::Unavailable(why),
        }
    }
}

impl From<PrepareError> for HandshakeError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Failed(error) => error.into(),
            PrepareError::Refused(refused) => Self::Refused(refused),
        }
    }
}

/// Fails if MongoDB does not allow this name of a database, or keeps it for itself.
pub(super) fn check_database_name(name: &str) -> Result<(), ConnectError> {
    let error = |what: &str| Err(ConnectError::Configuration(format!("the database's name {what}")));
    if name.is_empty() || name.len() > 63 {
        return error("must have 1 to 63 bytes");
    }
    if name.contains(['/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0']) {
        return error("must not contain spaces or any of / \\ . \" $ * < > : | ?");
    }
    if ["admin", "local", "config"].contains(&name) {
        return error("must not be one of MongoDB's own");
    }
    Ok(())
}

/// Returns a client. The options of the connection string win over the defaults here.
pub(super) async fn client(options: &MongoOptions, primary_monitor: &PrimaryMonitor) -> Result<Client, HandshakeError> {
    let mut wanted =
        ClientOptions::parse(options.address.expose()).await.map_err(|error| unreadable_address(options, error))?;
    let soon = (options.call_timeout / 2).min(Duration::from_secs(5));
    wanted.app_name.get_or_insert_with(|| "rekindle".to_owned());
    wanted.max_pool_size.get_or_insert(100);
    wanted.min_pool_size.get_or_insert(4);
    wanted.max_connecting.get_or_insert(8);
    wanted.server_selection_timeout.get_or_insert(soon);
    wanted.connect_timeout.get_or_insert(soon);
    wanted.retry_reads.get_or_insert(true);
    wanted.retry_writes.get_or_insert(true);
    wanted.sdam_event_handler = Some(primary_monitor.handler());
    Ok(Client::with_options(wanted)?)
}

/// Maps the error of an unreadable connection string, without the driver's words: they quote what may be a part of the
/// password.
fn unreadable_address(options: &MongoOptions, error: Error) -> HandshakeError {
    if !matches!(&*error.kind, ErrorKind::InvalidArgument { .. }) {
        return error.into();
    }
    HandshakeError::Refused(ConnectError::Configuration(format!(
        "{} cannot be read: check its hosts and options, and write : / ? # [ ] @ % in the user's name and password as \
         %3A %2F %3F %23 %5B %5D %40 %25",
        options.address
    )))
}

/// Returns the database, checked or prepared. Calls `on_reached` as soon as a server has answered.
pub(super) async fn database(
    client: &Client,
    primary_monitor: &PrimaryMonitor,
    options: &MongoOptions,
    on_reached: &(dyn Fn() + Sync),
) -> Result<Database, HandshakeError> {
    let admin = client.database("admin");
    // In a task of its own, since the driver looks for a primary for longer than `PRIMARY_TIMEOUT`.
    let mut hello = tokio::spawn(async move { admin.run_command(doc! { "hello": 1 }).await });
    let answer = match timeout(PRIMARY_TIMEOUT, &mut hello).await {
        Ok(answer) => answer,
        Err(_) => {
            has_primary(options, on_reached).await?;
            // The primary is only slow.
            hello.await
        }
    };
    let hello = match answer {
        Ok(Ok(hello)) => hello,
        Ok(Err(error)) if matches!(&*error.kind, ErrorKind::ServerSelection { .. }) => {
            has_primary(options, on_reached).await?;
            return Err(error.into());
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(HandshakeError::Unavailable("the first look at the servers was broken off".to_owned())),
    };
    on_reached();
    check_hello(&hello, "the server", None)?;
    let database = Database::of(
        client,
        primary_monitor.clone(),
        Arc::new(Kinds::with(options.extension)),
        &options.database,
        options.call_timeout,
    );
    match options.setup {
        Setup::Prepare => schema::prepare(&database, options.retention_days).await?,
        Setup::LeaveAsIs => schema::verify(&database, &options.database).await?,
    }
    Ok(database)
}

/// Fails if a server's `hello` shows that Rekindle cannot use it.
fn check_hello(hello: &Document, server: &str, wanted_set: Option<&str>) -> Result<(), HandshakeError> {
    let server = hello.get_str("me").unwrap_or(server).to_owned();
    let wire_version = hello.get("maxWireVersion").and_then(|n| n.as_i64().or_else(|| n.as_i32().map(i64::from)));
    if let Some(wire_version) = wire_version.filter(|version| *version < OLDEST_WIRE_VERSION) {
        return Err(HandshakeError::Refused(ConnectError::TooOld { server, wire_version }));
    }
    // The message of a router of a sharded cluster.
    if hello.get_str("msg").is_ok_and(|message| message == "isdbgrid") {
        return Ok(());
    }
    match (hello.get_str("setName"), wanted_set) {
        (Ok(theirs), Some(ours)) if theirs != ours => Err(HandshakeError::Refused(ConnectError::OtherReplicaSet {
            server,
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        })),
        (Ok(_), _) => Ok(()),
        (Err(_), _) if hello.get_bool("isreplicaset").unwrap_or(false) => {
            Err(HandshakeError::Refused(ConnectError::NotInitiated { server }))
        }
        (Err(_), _) => Err(HandshakeError::Refused(ConnectError::Standalone { server })),
    }
}

/// Queries the role of each server, where the driver has found no primary. Fails unless one of them is primary.
async fn has_primary(options: &MongoOptions, on_reached: &(dyn Fn() + Sync)) -> Result<(), HandshakeError> {
    let known = ClientOptions::parse(options.address.expose()).await?;
    let answers = join_all(known.hosts.iter().map(|host| probe(&known, host))).await;
    let mut silent = Vec::new();
    let mut found = false;
    for (host, answer) in known.hosts.iter().zip(answers) {
        match answer {
            Ok(hello) => {
                on_reached();
                check_hello(&hello, &host.to_string(), known.repl_set_name.as_deref())?;
                found |= hello.get_bool("isWritablePrimary").unwrap_or(false);
            }
            Err(why) => silent.push(format!("{host}: {}", describe(&why))),
        }
    }
    let why = match (found, silent.is_empty()) {
        (true, _) => return Ok(()),
        (false, true) => "the servers answer, and none of them leads".to_owned(),
        (false, false) => silent.join("; "),
    };
    Err(HandshakeError::Unavailable(format!("{} has no primary that answers: {why}", options.address)))
}

/// Queries the role of one server; `hello` needs no login.
async fn probe(known: &ClientOptions, host: &ServerAddress) -> Result<Document, Error> {
    let mut alone = known.clone();
    alone.hosts = vec![host.clone()];
    alone.direct_connection = Some(true);
    alone.load_balanced = None;
    alone.repl_set_name = None;
    alone.credential = None;
    alone.srv_max_hosts = None;
    alone.min_pool_size = None;
    alone.server_selection_timeout = Some(PROBE_TIMEOUT);
    alone.connect_timeout = Some(PROBE_TIMEOUT);
    let client = Client::with_options(alone)?;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await;
    client.shutdown().immediate(true).await;
    hello
}
