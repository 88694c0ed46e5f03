//! What a case is, and what many cases need.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rekindle_core::Store;
use rekindle_core::store::{Changes, CommitError, Committed, Entity, Write};

/// A case under way.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One thing that every store must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// Panics when the store does something else.
    pub run: fn(Arc<dyn Store>) -> Running,
}

/// Declares the cases of a module from its functions' names.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(super) const CASES: &[$crate::conformance::case::Case] = &[
            $($crate::conformance::case::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: |store| Box::pin($name(store)),
            }),+
        ];
    };
}
pub(crate) use cases;

/// Commits writes without events.
pub(super) async fn commit(store: &Arc<dyn Store>, writes: Vec<Write>) -> Result<Committed, CommitError> {
    store.commit(Changes { writes, ..Changes::default() }).await
}

/// Stores a new row.
pub(super) async fn insert<T>(store: &Arc<dyn Store>, value: T)
where
    T: Entity,
{
    let mut changes = Changes::default();
    changes.insert(value);
    store.commit(changes).await.unwrap();
}

/// Demands that nothing was written because something had changed.
#[track_caller]
pub(super) fn assert_stale(outcome: &Result<Committed, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::Stale)), "expected Stale, got {outcome:?}");
}
