//! The target store of one import: empty at the beginning, not used by another import, and without detection as long as
//! the import lasts, since the import holds the lease of the detection job. The detector state says that silence before
//! the end of the import does not count, since no heartbeats could arrive.

use std::time::Duration;

use rekindle_core::store::{
    Changes, Claim, DetectorState, DetectorStateUpdate, Fence, FindTyped, IdempotencyKey, LeaseName, MachineFilter,
    PageRequest, SessionFilter, Start, StoredResponse, TaskFilter, queries,
};
use rekindle_core::{Clock, Store, StoreError, Timestamp};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use super::commit::commit_once;
use crate::error::TransferError;
use crate::retry::retried;

/// The time for which the lease is claimed.
const LASTS: Duration = Duration::from_secs(30);
/// The lease is claimed again when this much of that time is over.
const RENEWED_AFTER: Duration = Duration::from_secs(5);
/// How long to wait for the lease. After a server was killed, its lease lasts six seconds; a running server keeps it.
const WAIT: Duration = Duration::from_secs(9);
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// How long an interrupted import can be resumed.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// The number of the stored response that marks the end of the import. Batches count from 1.
const COMPLETION_MARKER: u64 = 0;

/// An import that has not claimed its store yet.
pub(super) struct PendingImport<'a> {
    pub store: &'a dyn Store,
    pub clock: &'a dyn Clock,
    pub export: Uuid,
}

/// An import that has claimed its store.
pub(super) struct ActiveImport<'a> {
    of: PendingImport<'a>,
    fence: Fence,
    claimed: Instant,
}

impl<'a> PendingImport<'a> {
    /// Claims the store, if it is empty or was claimed by the same import.
    pub(super) async fn take(self) -> Result<ActiveImport<'a>, TransferError> {
        let claimed = Instant::now();
        let fence = loop {
            if let Some(fence) = self.claim().await? {
                break fence;
            }
            if claimed.elapsed() > WAIT {
                return Err(TransferError::InUse);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let taken = ActiveImport { of: self, fence, claimed: Instant::now() };
        match taken.of.begin(fence).await {
            Ok(()) => Ok(taken),
            Err(error) => {
                taken.release().await;
                Err(error)
            }
        }
    }

    /// Claims the lease. The id of the export is the holder, so that a killed import gets the lease again.
    async fn claim(&self) -> Result<Option<Fence>, StoreError> {
        let claim = Claim { lease: LeaseName::Detection, holder: self.export, ttl: LASTS };
        retried(|| self.store.claim(claim)).await
    }

    async fn begin(&self, fence: Fence) -> Result<(), TransferError> {
        let export = self.export.to_string();
        let key = key("this store is taken by an export");
        let begun = || async {
            let standing = retried(|| self.store.read(queries::stored_response(&key, self.clock.now()))).await?;
            match standing {
                None => Ok(false),
                Some(standing) if *standing.answer == *export.as_bytes() => Ok(true),
                Some(other) => Err(TransferError::OtherImport(String::from_utf8_lossy(&other.answer).into_owned())),
            }
        };
        if begun().await? {
            return Ok(());
        }
        self.is_empty().await?;
        let now = self.clock.now();
        let seen = retried(|| self.store.read(queries::detector_state())).await?;
        let watch = Some(DetectorStateUpdate { value: unheard(now), seen });
        let remember = Some(stored_response(key, export.clone().into_bytes(), now));
        commit_once(
            self.store,
            Changes { detector_state: watch, stored_response: remember, fence: Some(fence), ..Changes::default() },
            "its beginning",
        )
        .await?;
        // Another import may have claimed the store at the same time.
        if begun().await? { Ok(()) } else { Err(TransferError::Disturbed("its beginning was forgotten".to_owned())) }
    }

    async fn is_empty(&self) -> Result<(), TransferError> {
        let store = self.store;
        let one = PageRequest { limit: 1, start: Start::Offset(0) };
        let there = |what| Err(TransferError::NotEmpty(what));
        if !retried(async || store.read(queries::sessions(&SessionFilter::default(), one)).await)
            .await?
            .items
            .is_empty()
        {
            return there("sessions");
        }
        if !retried(async || store.read(queries::tasks(&TaskFilter::default(), one)).await).await?.items.is_empty() {
            return there("tasks");
        }
        if !retried(async || store.read(queries::machines(&MachineFilter::default(), one)).await)
            .await?
            .items
            .is_empty()
        {
            return there("machines");
        }
        if !retried(|| store.read(queries::keys())).await?.is_empty() {
            return there("API keys");
        }
        if !retried(|| store.events(None, 1)).await?.is_empty() {
            return there("events");
        }
        Ok(())
    }
}

impl ActiveImport<'_> {
    /// Returns the idempotency key of a batch.
    pub(super) fn key(&self, batch: u64) -> IdempotencyKey {
        key(&format!("batch {batch} of export {}", self.of.export))
    }

    /// Returns the fence of the lease, and renews the lease when that is due.
    pub(super) async fn fence(&mut self) -> Result<Fence, TransferError> {
        if self.claimed.elapsed() > RENEWED_AFTER {
            self.fence = self.of.claim().await?.ok_or(TransferError::InUse)?;
            self.claimed = Instant::now();
        }
        Ok(self.fence)
    }

    /// Marks the import as complete. From now on silence counts.
    pub(super) async fn finish(&mut self) -> Result<(), TransferError> {
        let (store, clock) = (self.of.store, self.of.clock);
        let fence = self.fence().await?;
        let now = clock.now();
        let seen = retried(|| store.read(queries::detector_state())).await?;
        let watch = Some(DetectorStateUpdate { value: unheard(now), seen });
        let remember = Some(stored_response(self.key(COMPLETION_MARKER), b"{}".to_vec(), now));
        let changes =
            Changes { detector_state: watch, stored_response: remember, fence: Some(fence), ..Changes::default() };
        commit_once(store, changes, "its end").await
    }

    /// Releases the lease. If that fails, the lease runs out.
    pub(super) async fn release(self) {
        self.of.store.release(self.fence).await.ok();
    }
}

/// Returns a detector state by which silence counts only from now on, and a detection pass is due at once.
fn unheard(now: Timestamp) -> DetectorState {
    DetectorState { last_pass_at: now, next_pass_due: now, grace_until: now }
}

fn key(what: &str) -> IdempotencyKey {
    IdempotencyKey(Sha256::digest(format!("rekindle db import: {what}")).into())
}

/// Returns a stored response that is kept as long as the import can be resumed.
pub(super) fn stored_response(key: IdempotencyKey, text: Vec<u8>, at: Timestamp) -> StoredResponse {
    StoredResponse { key, request: key.0, answer: text.into_boxed_slice(), at, until: at.plus(REMEMBERED) }
}
