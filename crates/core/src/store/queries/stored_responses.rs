//! The query for stored responses.

use super::TypedQuery;
use crate::store::query::{Query, Selection};
use crate::store::stored_response::{IdempotencyKey, StoredResponse};
use crate::values::Timestamp;

/// Finds the response that is stored under an idempotency key and has not expired at `now`.
pub fn stored_response(key: &IdempotencyKey, now: Timestamp) -> TypedQuery<Option<StoredResponse>> {
    let query = Query::new("remembered", vec![Selection::of_key::<StoredResponse>(*key)], Vec::new());
    TypedQuery::new(query, move |mut found| {
        let response = found.entities::<StoredResponse>()?.pop();
        Ok(response.map(|found| found.value).filter(|response| response.until > now))
    })
}
