//! The query for API keys.

use super::TypedQuery;
use crate::domain::api_key::ApiKey;
use crate::store::Versioned;
use crate::store::query::{Order, Query, Selection};

/// Finds every API key that was ever created, the latest first.
pub fn keys() -> TypedQuery<Vec<Versioned<ApiKey>>> {
    let all = Selection::by_index::<ApiKey>("created").ordered(Order::NewestFirst);
    TypedQuery::new(Query::new("keys", vec![all], Vec::new()), |mut found| found.entities())
}
