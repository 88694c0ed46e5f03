//! The constant part of the page for each store: its name, its targets, and how its baseline works.

use std::time::Duration;

pub(super) struct About {
    /// The mark of its section on the page.
    pub mark: &'static str,
    /// The heading of its section.
    pub title: &'static str,
    /// The baseline, one of the examples of `rekindle-http`.
    pub baseline: &'static str,
    pub goals: Goals,
    /// What is durable when a heartbeat is answered.
    pub durable: &'static str,
    /// How it was measured, apart from what is the same for all stores: one line each.
    pub method: &'static [&'static str],
}

/// The targets. A figure without a target is only reported.
pub(super) struct Goals {
    /// Heartbeats at 64 connections, as a multiple of the baseline.
    pub ratio: f64,
    /// Their 99th percentile.
    pub p99: Option<Duration>,
    /// A detection pass that finds nothing.
    pub quiet_pass: Option<Duration>,
    /// A detection pass that marks 10,000 sessions.
    pub full_pass: Option<Duration>,
    /// The most resident memory of the server, in bytes.
    pub memory: u64,
}

const MIB: u64 = 1024 * 1024;

/// The store for one machine.
pub(super) const SQLITE: About = About {
    mark: "sqlite",
    title: "SQLite",
    baseline: "floor",
    goals: Goals {
        ratio: 0.7,
        p99: Some(Duration::from_millis(25)),
        quiet_pass: Some(Duration::from_millis(5)),
        full_pass: Some(Duration::from_secs(2)),
        memory: 256 * MIB,
    },
    durable: "each is answered after the commit that holds it is on disk",
    method: &[
        "The *floor* (`crates/http/examples/floor.rs`) is the least that a durable beat over HTTP can cost here: actix-web with \
         as many workers, one endpoint, one thread that commits what has queued with `synchronous=FULL`, and a table of three \
         columns without a second index. It has no keys, logs, rules or states.",
        "The detection pass works on a file as it was seeded, which no server has touched.",
    ],
};

/// The store for many machines.
pub(super) const MONGO: About = About {
    mark: "mongo",
    title: "MongoDB",
    baseline: "floor_mongo",
    goals: Goals { ratio: 3.0, p99: None, quiet_pass: None, full_pass: None, memory: 256 * MIB },
    durable: "each is answered after a majority (here: the one member) has it in its journal on disk",
    method: &[
        "The *floor* (`crates/http/examples/floor_mongo.rs`) is the plain way to a durable beat over HTTP: actix-web with as many \
         workers, one endpoint, and one `findOneAndUpdate` for each request by the driver with a pool of 100 connections, write \
         concern majority with journal; the document is the answer. It has no keys, logs or rules. It works on a copy of the \
         sessions in a database that the store itself has prepared: the same documents, indexes and validator.",
        "One mongod is under the floor and under the server, as a replica set of one on this machine's disk. Floor, server, mongod \
         and load generator share the cores: the columns *cores* say how many the process and mongod used while it was counted.",
        "Seeded through the store, a thousand sessions to a transaction; copied by the database (`$out`); a checkpoint is made \
         before anything is counted. The detection pass works on a copy that no server has touched.",
    ],
};
