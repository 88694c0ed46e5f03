//! MongoDB: one mongod with a database for the server, the baseline and the detection pass.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bson::{Document, doc};
use mongodb::Client;
use rekindle_core::{Clock, Store, SystemClock};
use rekindle_mongod::{Nodes, Options, Shape};
use rekindle_store_mongo::{MongoOptions, MongoStore};

use super::BenchTarget;
use crate::bench::seed::{self, Seeded};

/// Enough for a million sessions and their copy for the baseline, so that no cache eviction is measured.
const CACHE_GB: f64 = 4.0;
/// The default would be a share of the whole disk.
const OPLOG_MB: &str = "2048";
/// Seeding and copying wait until everything is on disk, so that nothing is left to do during the measurement.
const PATIENCE: Duration = Duration::from_secs(120);

/// The databases, by their user.
const SERVER: &str = "server";
const BASELINE: &str = "baseline";
const DETECTION: &str = "detection";

/// A mongod and its databases; ends when dropped.
pub(crate) struct MongoTarget {
    nodes: Nodes,
    version: String,
    sessions: u32,
}

impl MongoTarget {
    /// Starts a mongod with its data in `folder`; fetches one first if there is none. Blocks, and runs a runtime of its own
    /// meanwhile.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let binary = rekindle_mongod::find_or_fetch(&|line| println!("{line}"))?;
        let version = rekindle_mongod::version(&binary)?;
        println!("starting mongod {version}");
        let nodes = Nodes::start(Options {
            shape: Shape::ReplicaSet(1),
            parent: folder.to_owned(),
            cache_gb: CACHE_GB,
            arguments: vec!["--oplogSize".to_owned(), OPLOG_MB.to_owned()],
            ..Options::at(binary)
        })?;
        Ok(Self { nodes, version, sessions: 0 })
    }

    fn database(&self, whose: &str) -> String {
        format!("bench-{whose}-{}", self.sessions)
    }

    async fn open(&self, whose: &str) -> Result<Arc<dyn Store>> {
        let address = self.nodes.uri().parse()?;
        let options =
            MongoOptions { database: self.database(whose), call_timeout: PATIENCE, ..MongoOptions::at(address) };
        Ok(Arc::new(MongoStore::connect(options).await?))
    }

    async fn client(&self) -> Result<Client> {
        Ok(Client::with_uri_str(self.nodes.uri()).await?)
    }

    /// Copies the server's sessions into a database that the store has prepared with the same indexes and validator.
    async fn copy_sessions(&self, client: &Client, whose: &str) -> Result<()> {
        let began = Instant::now();
        self.open(whose).await?.close().await;
        let to = doc! { "db": self.database(whose), "coll": "sessions" };
        let from = client.database(&self.database(SERVER)).collection::<Document>("sessions");
        let before = indexes(client, &self.database(whose)).await?;
        from.aggregate([doc! { "$out": to }]).await.with_context(|| format!("cannot copy the sessions for {whose}"))?;
        let after = indexes(client, &self.database(whose)).await?;
        anyhow::ensure!(before == after, "the copy for {whose} has the indexes {after:?} and not {before:?}");
        println!("  copied for {whose} in {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }
}

async fn indexes(client: &Client, database: &str) -> Result<Vec<String>> {
    Ok(client.database(database).collection::<Document>("sessions").list_index_names().await?)
}

impl BenchTarget for MongoTarget {
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("mongod", format!("{}, a replica set of one, journal on the same disk", self.version)),
            ("its cache", format!("{CACHE_GB:.0} GB")),
        ]
    }

    async fn fill(&mut self, sessions: u32) -> Result<Seeded> {
        let client = self.client().await?;
        for whose in [SERVER, BASELINE, DETECTION] {
            client.database(&self.database(whose)).drop().await?;
        }
        self.sessions = sessions;
        let seeded = seed::fill(self.open(SERVER).await?.as_ref(), sessions, SystemClock.now()).await?;
        self.copy_sessions(&client, BASELINE).await?;
        self.copy_sessions(&client, DETECTION).await?;
        // A checkpoint, so that the seeded data is not written during the measurement.
        client.database("admin").run_command(doc! { "fsync": 1 }).await?;
        client.shutdown().await;
        Ok(seeded)
    }

    async fn size(&self) -> Result<u64> {
        let client = self.client().await?;
        let stats = client.database(&self.database(SERVER)).run_command(doc! { "dbStats": 1 }).await?;
        client.shutdown().await;
        let total =
            stats.get("totalSize").and_then(|size| size.as_f64().or_else(|| size.as_i64().map(|size| size as f64)));
        Ok(total.context("dbStats does not say the size")? as u64)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("STORE_URL", self.nodes.uri()), ("MONGODB_DATABASE", self.database(SERVER))]
    }

    fn baseline(&self, program: &Path, _: &Seeded) -> Result<Command> {
        let mut command = Command::new(program);
        command.arg(self.nodes.uri()).arg(self.database(BASELINE));
        Ok(command)
    }

    fn database_process(&self) -> Option<u32> {
        self.nodes.pid(0)
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        self.open(SERVER).await
    }

    async fn open_for_detection(&self) -> Result<Arc<dyn Store>> {
        self.open(DETECTION).await
    }
}
