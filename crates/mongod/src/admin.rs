//! Sends one command to one server, from a thread with a runtime of its own: the caller may itself run in a runtime,
//! whose threads must not block.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bson::Document;
use mongodb::Client;
use mongodb::options::{ClientOptions, Credential, ServerAddress};

/// The longest that a server may take to reply.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a command on the database `admin` of the server on this port, and of no other.
pub(crate) fn command(port: u16, user: Option<&(String, String)>, command: Document) -> Result<Document> {
    let credential = user.map(|(name, password)| {
        Credential::builder().username(name.clone()).password(password.clone()).source("admin".to_owned()).build()
    });
    let mut options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) }])
        .direct_connection(true)
        .retry_reads(false)
        .retry_writes(false)
        .server_selection_timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .build();
    options.credential = credential;
    let name = command.keys().next().cloned().unwrap_or_default();
    let request = async move {
        let client = Client::with_options(options)?;
        let reply = tokio::time::timeout(TIMEOUT, async { client.database("admin").run_command(command).await });
        Ok(reply.await.map_err(|_| anyhow!("no answer within {TIMEOUT:?}"))??)
    };
    blocking(request).with_context(|| format!("{name} on the node at port {port}"))
}

fn blocking<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(future)
    };
    std::thread::scope(|scope| scope.spawn(run).join()).map_err(|_| anyhow!("the driver panicked"))?
}
