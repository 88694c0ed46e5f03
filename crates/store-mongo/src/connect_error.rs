//! Why a store cannot be opened, in words that say what to do about it.

/// What an operator has to change before a store can be opened. None of it goes away by waiting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The connection string or another setting makes no sense.
    #[error("the connection to MongoDB is not configured right: {0}")]
    Configuration(String),
    /// A server on its own, which knows no transactions.
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
    /// Another replica set than the one that was asked for.
    #[error("{server} belongs to the replica set {theirs}, and the connection string asks for {ours}")]
    OtherReplicaSet {
        /// Its address.
        server: String,
        /// Its replica set.
        theirs: String,
        /// What was asked for.
        ours: String,
    },
    /// Wrong password, unknown user, or a wrong database to look for the user in.
    #[error(
        "MongoDB refuses the user or the password: {why} (a user that is defined in another database than admin needs \
         authSource in the connection string)"
    )]
    Refused {
        /// What the server says.
        why: String,
    },
    /// The user lacks a right.
    #[error("{why}: the user needs the roles readWrite and dbAdmin on the database")]
    Forbidden {
        /// What the server says.
        why: String,
    },
    /// A server before 6.0.
    #[error("{server} is older than MongoDB 6.0 (its wire version is {wire_version}): upgrade it")]
    TooOld {
        /// Its address.
        server: String,
        /// What it speaks.
        wire_version: i64,
    },
    /// A database that a later version of this program made.
    #[error(
        "the database has schema version {theirs}, and this program knows versions up to {ours}: start the newer \
         version of Rekindle that made it, or name another database"
    )]
    NewerSchema {
        /// The database's.
        theirs: i64,
        /// The latest that is known here.
        ours: i64,
    },
    /// An index that has one of our names and is another one.
    #[error("the index {index} is there and is not the one that is needed: drop it, and start again")]
    OtherIndex {
        /// Its name, or what the server says.
        index: String,
    },
    /// Data that breaks a unique rule.
    #[error("the database holds documents that a unique index forbids: remove all but one, and start again ({why})")]
    Duplicates {
        /// What the server says: it names the index and the key.
        why: String,
    },
}
