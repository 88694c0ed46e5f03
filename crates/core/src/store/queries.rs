//! The catalogue of queries: every read of records that the use cases need, each declared once. A store answers all of
//! them by translating their selections; [`FindTyped::read`] returns the answer in its own type.

mod api_keys;
mod detection;
mod machines;
mod pages;
mod retention;
mod sessions;
mod stored_responses;
mod tasks;

use std::future::Future;

pub use api_keys::keys;
pub use detection::{detector_state, earliest_heartbeat, overdue_machines, overdue_sessions, stalled_sessions};
pub use machines::{machine, machines};
pub use pages::newest_first;
pub use retention::{expired, expired_counts};
pub use sessions::{active_session, counts, live_sessions, session, sessions, slot_holder};
pub use stored_responses::stored_response;
pub use tasks::{task, tasks, tasks_of};

use super::entity::Entity;
use super::query::{Found, Query, Selection};
use super::{Store, StoreError, Versioned};

/// The name of every query of the catalogue, as metrics and traces show it. Tests hold that each of them runs on an index.
pub const NAMES: &[&str] = &[
    "session",
    "task",
    "machine",
    "tasks_of",
    "active_session",
    "slot_holder",
    "live_sessions",
    "sessions",
    "tasks",
    "machines",
    "counts",
    "silent_sessions",
    "overdue_sessions",
    "overdue_machines",
    "earliest_heartbeat",
    "watch",
    "expired",
    "expired_counts",
    "keys",
    "remembered",
];

/// A query, and how its answer becomes a value of its own type.
pub struct TypedQuery<T> {
    query: Query,
    answer: Box<dyn FnOnce(Found) -> Result<T, StoreError> + Send>,
}

impl<T> TypedQuery<T> {
    /// Joins a query with the interpretation of its answer.
    pub fn new(query: Query, answer: impl FnOnce(Found) -> Result<T, StoreError> + Send + 'static) -> Self {
        Self { query, answer: Box::new(answer) }
    }

    /// Returns the query as data.
    pub fn query(&self) -> &Query {
        &self.query
    }
}

/// Typed queries on any store.
pub trait FindTyped: Store {
    /// Runs a query of the catalogue.
    ///
    /// # Errors
    /// Those of [`Store::find`]; [`StoreError::Corrupt`] if the store answers with something else.
    fn read<T: Send>(&self, query: TypedQuery<T>) -> impl Future<Output = Result<T, StoreError>> + Send {
        async move {
            let found = self.find(&query.query).await?;
            (query.answer)(found)
        }
    }
}

impl<S: Store + ?Sized> FindTyped for S {}

/// Finds the entity with this id; `None` if there is none. Works for every kind of entity, also for those of other
/// crates.
pub fn by_id<T: Entity>(name: &'static str, id: T::Id) -> TypedQuery<Option<Versioned<T>>> {
    let query = Query::new(name, vec![Selection::of_key::<T>(id)], Vec::new());
    TypedQuery::new(query, |mut found| Ok(found.entities()?.pop()))
}
