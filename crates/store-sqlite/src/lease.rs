//! Leases: one row each, claimed and released by the writer, and checked by every commit that carries a fence. Commits
//! are serial, so that what is read at the beginning of one holds until its end.

use std::time::Duration;

use rekindle_core::store::{Claim, Fence, LeaseName, StoreError};
use rusqlite::{Connection, OptionalExtension};

use crate::error::not_written;
use crate::sql;

/// No lease lasts longer than this, about 24 days: far beyond use, and far from any overflow.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// Gives the lease to the claimant. Returns none while another holder has it.
pub(crate) fn claim(db: &Connection, claim: &Claim) -> Result<Option<Fence>, StoreError> {
    let lasts = i64::try_from(claim.ttl.min(LONGEST).as_millis()).unwrap_or(i64::MAX);
    let token = db
        .prepare_cached(sql::CLAIM)
        .and_then(|mut claimed| {
            let row = (claim.lease.as_str(), claim.holder.as_bytes(), lasts);
            claimed.query_row(row, |row| row.get::<_, i64>(0)).optional()
        })
        .map_err(|error| not_written(&error))?;
    // The schema admits none below one.
    Ok(token.map(|token| Fence { lease: claim.lease, token: token.unsigned_abs() }))
}

/// Releases the lease, if the fence is current.
pub(crate) fn release(db: &Connection, fence: Fence) -> Result<(), StoreError> {
    let released = db.prepare_cached(sql::RELEASE).and_then(|mut release| release.execute(key(fence)));
    released.map(|_| ()).map_err(|error| not_written(&error))
}

/// Returns whether the lease has neither changed hands nor been released since.
pub(crate) fn is_current(db: &Connection, fence: Fence) -> Result<bool, StoreError> {
    let found = db.prepare_cached(sql::LEASE_IS_CURRENT).and_then(|mut look| look.exists(key(fence)));
    found.map_err(|error| not_written(&error))
}

/// A token too large for SQLite was never given out, and matches none.
fn key(fence: Fence) -> (&'static str, i64) {
    let Fence { lease, token } = fence;
    (LeaseName::as_str(lease), i64::try_from(token).unwrap_or(-1))
}

#[cfg(test)]
mod tests;
