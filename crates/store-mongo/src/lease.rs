//! Leases, one document for each duty. The server's clock (`$$NOW`) decides whether one ran out, so that no two processes
//! need to agree on the time; each change of hands raises the token in the same write.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use rekindle_core::store::{Claim, Fence, StoreError};

use crate::database::Database;
use crate::error;

/// Longer than any process keeps a duty: what `until` can hold is not unlimited.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Gives the duty to its claimant, or lets it keep it. None while somebody else has it.
///
/// The document always matches, and stays as it is while somebody else has the duty: an upsert whose filter asked the
/// time is refused by the server.
pub async fn claim(collections: Database, claim: Claim) -> Result<Option<Fence>, StoreError> {
    let holder = bson::Uuid::from(claim.holder);
    let lasts = i64::try_from(claim.ttl.min(LONGEST).as_millis()).unwrap_or(i64::MAX);
    let own = doc! { "$eq": [{ "$ifNull": ["$holder", null] }, holder] };
    let free = doc! { "$eq": [{ "$ifNull": ["$holder", null] }, null] };
    let over = doc! { "$lte": ["$until", "$$NOW"] };
    let may = doc! { "$or": [own.clone(), free, over] };
    let token = doc! { "$cond": [own, "$token", { "$add": [{ "$ifNull": ["$token", 0_i64] }, 1_i64] }] };
    let set = doc! {
        "token": { "$cond": [may.clone(), token, "$token"] },
        "holder": { "$cond": [may.clone(), holder, "$holder"] },
        "until": { "$cond": [may, { "$add": ["$$NOW", lasts] }, "$until"] },
    };
    let leases = collections.leases.clone_with_type::<Document>();
    let asked = leases
        .find_one_and_update(doc! { "_id": claim.duty.as_str() }, vec![doc! { "$set": set }])
        .upsert(true)
        .return_document(ReturnDocument::After);
    let found = match asked.await {
        Ok(found) => found,
        // Somebody else made the document at the same time, and has the duty.
        Err(error) if is_duplicate(&error) => None,
        Err(error) => return Err(error::write_failed(&error)),
    };
    let Some(lease) = found else { return Ok(None) };
    if lease.get("holder") != Some(&holder.into()) {
        return Ok(None);
    }
    let token = lease.get_i64("token").ok().and_then(|token| u64::try_from(token).ok());
    let token = token.ok_or_else(|| StoreError::Corrupt(format!("leases {}: no token", claim.duty.as_str())))?;
    Ok(Some(Fence { duty: claim.duty, token }))
}

/// Gives the duty back, if this fence still stands.
pub async fn release(collections: Database, fence: Fence) -> Result<(), StoreError> {
    let Ok(token) = i64::try_from(fence.token) else { return Ok(()) };
    let released = collections
        .leases
        .update_one(doc! { "_id": fence.duty.as_str(), "token": token }, doc! { "$unset": { "holder": "" } })
        .await;
    released.map(|_| ()).map_err(|error| error::write_failed(&error))
}

fn is_duplicate(error: &Error) -> bool {
    error::code_of(error) == Some(error::code::DUPLICATE_KEY)
}
