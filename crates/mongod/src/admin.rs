//! One command to one server, by the driver, from a thread of its own with a runtime of its own: so that the caller may
//! be anybody, also a thread of a runtime, in which another could not block.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bson::Document;
use mongodb::Client;
use mongodb::options::{ClientOptions, Credential, ServerAddress};

/// The longest that a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

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
        .server_selection_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .build();
    options.credential = credential;
    let name = command.keys().next().cloned().unwrap_or_default();
    let ask = async move {
        let client = Client::with_options(options)?;
        let answer = tokio::time::timeout(PATIENCE, async { client.database("admin").run_command(command).await });
        Ok(answer.await.map_err(|_| anyhow!("no answer within {PATIENCE:?}"))??)
    };
    blocking(ask).with_context(|| format!("{name} on the node at port {port}"))
}

fn blocking<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(future)
    };
    std::thread::scope(|scope| scope.spawn(run).join()).map_err(|_| anyhow!("the driver panicked"))?
}
