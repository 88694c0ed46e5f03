//! Leases, a document each. The server's clock (`$$NOW`) decides whether a lease has run out, so that
//! processes need not agree on the time; each change of the holder raises the token in the same write.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use rekindle_core::store::{Claim, Fence, StoreError};

use crate::database::Database;
use crate::error;

/// Longer than any process keeps a lease: the range of `until` is limited.
const MAX_TTL: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Claims or renews a lease. Returns `None` while another process holds it.
///
/// The filter always matches, and the document stays as it is while another process holds the lease: the server rejects
/// an upsert whose filter compares with the time.
pub(crate) async fn claim(database: Database, claim: Claim) -> Result<Option<Fence>, StoreError> {
    let holder = bson::Uuid::from(claim.holder);
    let ttl = i64::try_from(claim.ttl.min(MAX_TTL).as_millis()).unwrap_or(i64::MAX);
    let is_holder = doc! { "$eq": [{ "$ifNull": ["$holder", null] }, holder] };
    let is_free = doc! { "$eq": [{ "$ifNull": ["$holder", null] }, null] };
    let is_expired = doc! { "$lte": ["$until", "$$NOW"] };
    let may_hold = doc! { "$or": [is_holder.clone(), is_free, is_expired] };
    let token = doc! { "$cond": [is_holder, "$token", { "$add": [{ "$ifNull": ["$token", 0_i64] }, 1_i64] }] };
    let set = doc! {
        "token": { "$cond": [may_hold.clone(), token, "$token"] },
        "holder": { "$cond": [may_hold.clone(), holder, "$holder"] },
        "until": { "$cond": [may_hold, { "$add": ["$$NOW", ttl] }, "$until"] },
    };
    let leases = database.leases.clone_with_type::<Document>();
    let update = leases
        .find_one_and_update(doc! { "_id": claim.lease.as_str() }, vec![doc! { "$set": set }])
        .upsert(true)
        .return_document(ReturnDocument::After);
    let found = match update.await {
        Ok(found) => found,
        // Another process made the document at the same time, and holds the lease.
        Err(error) if is_duplicate(&error) => None,
        Err(error) => return Err(error::write_error(&error)),
    };
    let Some(lease) = found else { return Ok(None) };
    if lease.get("holder") != Some(&holder.into()) {
        return Ok(None);
    }
    let token = lease.get_i64("token").ok().and_then(|token| u64::try_from(token).ok());
    let token = token.ok_or_else(|| StoreError::Corrupt(format!("leases {}: no token", claim.lease.as_str())))?;
    Ok(Some(Fence { lease: claim.lease, token }))
}

/// Releases a lease, if the fence is not stale.
pub(crate) async fn release(database: Database, fence: Fence) -> Result<(), StoreError> {
    let Ok(token) = i64::try_from(fence.token) else { return Ok(()) };
    let released = database
        .leases
        .update_one(doc! { "_id": fence.lease.as_str(), "token": token }, doc! { "$unset": { "holder": "" } })
        .await;
    released.map(|_| ()).map_err(|error| error::write_error(&error))
}

fn is_duplicate(error: &Error) -> bool {
    error::code_of(error) == Some(error::code::DUPLICATE_KEY)
}
