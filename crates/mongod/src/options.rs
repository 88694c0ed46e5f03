//! The options of a cluster.

use std::path::PathBuf;
use std::time::Duration;

use crate::binary::target_dir;

/// The name of the replica sets that are started here.
pub(crate) const SET: &str = "rekindle";

/// A standalone server, or a replica set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No replica set, hence no transactions.
    Standalone,
    /// A replica set named `rekindle`, with this many members.
    ReplicaSet(usize),
}

/// The options of a cluster: `Options { shape: Shape::ReplicaSet(3), ..Options::at(binary) }`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `mongod` program.
    pub binary: PathBuf,
    /// A standalone server, or a replica set.
    pub shape: Shape,
    /// A user with the role `root` and its password. With it, a client must authenticate, and members do so by key
    /// file.
    pub user: Option<(String, String)>,
    /// The parent of the folder with the nodes' data. The default is under target, on a real disk: in memory, writes
    /// would be unrealistically fast.
    pub parent: PathBuf,
    /// The cache of each node, in GB; mongod needs 0.25 at least.
    pub cache_gb: f64,
    /// Whether expired documents are deleted each second instead of each minute.
    pub fast_ttl: bool,
    /// Whether `configureFailPoint` works.
    pub failpoints: bool,
    /// How long members wait for a silent primary before they elect another. MongoDB's default is 10 s; here it is 2 s,
    /// which is mostly long enough for a loaded machine. A test must not rely on the absence of elections.
    pub election_timeout: Duration,
    /// Whether members and clients reach each node through a proxy, so that [`Nodes::cut`](crate::Nodes::cut) works. It
    /// costs some time per message.
    pub behind_proxies: bool,
    /// Whether the nodes outlive this process, if [`Nodes::leave_running`](crate::Nodes::leave_running) is called. Not
    /// together with `behind_proxies`, since the proxies run in this process.
    pub detached: bool,
    /// More arguments for each `mongod`.
    pub arguments: Vec<String>,
}

impl Options {
    /// Returns the options of a replica set of one, with the program at `binary`.
    pub fn at(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            shape: Shape::ReplicaSet(1),
            user: None,
            parent: target_dir().join("mongod"),
            cache_gb: 0.25,
            fast_ttl: false,
            failpoints: false,
            election_timeout: Duration::from_secs(2),
            behind_proxies: false,
            detached: false,
            arguments: Vec::new(),
        }
    }

    pub(crate) fn members(&self) -> usize {
        match self.shape {
            Shape::Standalone => 1,
            Shape::ReplicaSet(members) => members,
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.shape != Shape::Standalone
    }
}
