//! What a kind of heartbeat has to say about itself, and a heartbeat on its way.

use std::time::Instant;

use bson::raw::CStr;
use bson::{RawDocument, RawDocumentBuf};
use rekindle_core::store::{StoreError, Versioned};
use rekindle_core::values::Timestamp;
use tokio::sync::oneshot;

/// A kind of heartbeat.
pub(crate) trait Heartbeat: Send + Sync + 'static {
    /// The entity that has the heartbeat.
    type Row: Clone + Send + Sync;
    /// The id of a row.
    type Id<'a>: Eq + std::hash::Hash;
    /// The collection of the rows.
    const COLLECTION: &'static str;
    /// The field with a row's id.
    const ID: &'static CStr;
    /// The index on that field: every command names it, so that the server does not consider others.
    const INDEX: &'static str;

    /// Returns the row's id as it is stored.
    fn id(&self) -> String;
    /// Returns the row's id, and the current task that the row must show: heartbeats that differ in either are different
    /// statements.
    fn key(&self) -> (Self::Id<'_>, Option<&str>);
    /// Returns the time of the heartbeat.
    fn at(&self) -> Timestamp;
    /// Returns the filter that finds the row in a state that allows the heartbeat.
    fn filter(&self) -> RawDocumentBuf;
    /// Returns whether this row is in a state that allows the heartbeat.
    fn allows(&self, row: &Self::Row) -> bool;
    /// Returns the row's last heartbeat.
    fn last_heartbeat(row: &Self::Row) -> Timestamp;
    /// Raises the row's last heartbeat to this time.
    fn record_heartbeat(row: &mut Self::Row, at: Timestamp);
    /// Decodes a row.
    fn read(document: &RawDocument) -> Result<Versioned<Self::Row>, StoreError>;
}

/// The row after the heartbeat; `None` when no row allows it.
pub(crate) type HeartbeatResult<B> = Result<Option<Versioned<<B as Heartbeat>::Row>>, StoreError>;

/// A heartbeat that waits for its batch.
pub(super) struct PendingHeartbeat<B: Heartbeat> {
    pub(super) heartbeat: B,
    pub(super) reply: oneshot::Sender<HeartbeatResult<B>>,
    pub(super) since: Instant,
}
