//! Why a store cannot be opened, with what to do about it.

/// What an operator has to change before a store can be opened. No retry helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The connection string or another setting is invalid.
    #[error("the connection to MongoDB is not configured right: {0}")]
    Configuration(String),
    /// A standalone server, which has no transactions.
    #[error(
        "{server} is a standalone server, which has no transactions: start mongod with --replSet and run rs.initiate() \
         once; a replica set of one will do"
    )]
    Standalone {
        /// Its address.
        server: String,
    },
    /// A member of a replica set that was never initiated.
    #[error("{server} belongs to a replica set that was not initiated: run rs.initiate() there once")]
    NotInitiated {
        /// Its address.
        server: String,
    },
    /// A member of another replica set than the connection string names.
    #[error("{server} belongs to the replica set {theirs}, and the connection string asks for {ours}")]
    OtherReplicaSet {
        /// Its address.
        server: String,
        /// The replica set of the server.
        theirs: String,
        /// The replica set of the connection string.
        ours: String,
    },
    /// A wrong password, an unknown user, or the wrong database to look for the user in.
    #[error(
        "MongoDB refuses the user or the password: {why} (a user that is defined in another database than admin needs \
         authSource in the connection string)"
    )]
    Refused {
        /// The server's message.
        why: String,
    },
    /// The user lacks a right.
    #[error("{why}: the user needs the roles readWrite and dbAdmin on the database")]
    Forbidden {
        /// The server's message.
        why: String,
    },
    /// A server before 6.0.
    #[error("{server} is older than MongoDB 6.0 (its wire version is {wire_version}): upgrade it")]
    TooOld {
        /// Its address.
        server: String,
        /// Its wire version.
        wire_version: i64,
    },
    /// A database that a later version of this program prepared.
    #[error(
        "the database has schema version {theirs}, and this program knows versions up to {ours}: start the newer \
         version of Rekindle that made it, or name another database"
    )]
    NewerSchema {
        /// The version of the database.
        theirs: i64,
        /// The latest version that this program knows.
        ours: i64,
    },
    /// Another index has the name of one that is needed.
    #[error("the index {index} is there and is not the one that is needed: drop it, and start again")]
    OtherIndex {
        /// Its name, or the server's message.
        index: String,
    },
    /// Documents that violate a unique index.
    #[error("the database holds documents that a unique index forbids: remove all but one, and start again ({why})")]
    Duplicates {
        /// The server's message: it names the index and the key.
        why: String,
    },
}
