//! The target of an import: a store that is empty at its beginning, belongs to no other export, and whose detector is
//! stopped as long as the import lasts. The detector's state says that silence before the end of the import does not
//! count, since no heartbeat could arrive.

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

/// For so long the duty is ours without another word.
const LASTS: Duration = Duration::from_secs(30);
/// After this it is claimed again, beside the work.
const RENEWED_AFTER: Duration = Duration::from_secs(5);
/// A server that was killed has the duty for six seconds; one that runs does not let go of it.
const WAIT: Duration = Duration::from_secs(9);
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// An interrupted import can be gone on with for so long.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// Under this number the end of the import is remembered; batches count from 1.
const COMPLETION_MARKER: u64 = 0;

/// An import that wants a store.
pub(super) struct PendingImport<'a> {
    pub store: &'a dyn Store,
    pub clock: &'a dyn Clock,
    pub export: Uuid,
}

/// An import that has one.
pub(super) struct ActiveImport<'a> {
    of: PendingImport<'a>,
    fence: Fence,
    claimed: Instant,
}

impl<'a> PendingImport<'a> {
    /// Takes the store, if it is empty or was begun by the same export.
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

    /// The same import is the same holder, also after it was killed.
    async fn claim(&self) -> Result<Option<Fence>, StoreError> {
        let claim = Claim { duty: LeaseName::Detection, holder: self.export, ttl: LASTS };
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
        // Fails when another process has taken it meanwhile.
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
    /// What names a batch of this import.
    pub(super) fn key(&self, batch: u64) -> IdempotencyKey {
        key(&format!("batch {batch} of export {}", self.of.export))
    }

    /// The right to go on, which is renewed when it is time.
    pub(super) async fn fence(&mut self) -> Result<Fence, TransferError> {
        if self.claimed.elapsed() > RENEWED_AFTER {
            self.fence = self.of.claim().await?.ok_or(TransferError::InUse)?;
            self.claimed = Instant::now();
        }
        Ok(self.fence)
    }

    /// From now on silence counts.
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

    /// Gives the duty back. When that fails, it runs out by itself.
    pub(super) async fn release(self) {
        self.of.store.release(self.fence).await.ok();
    }
}

/// No heartbeat could arrive until now; the next detection pass is due at once.
fn unheard(now: Timestamp) -> DetectorState {
    DetectorState { last_pass_at: now, next_pass_due: now, grace_until: now }
}

fn key(what: &str) -> IdempotencyKey {
    IdempotencyKey(Sha256::digest(format!("rekindle db import: {what}")).into())
}

/// The stored response of a batch, which lasts as long as an import can be continued.
pub(super) fn stored_response(key: IdempotencyKey, text: Vec<u8>, at: Timestamp) -> StoredResponse {
    StoredResponse { key, request: key.0, answer: text.into_boxed_slice(), at, until: at.plus(REMEMBERED) }
}
