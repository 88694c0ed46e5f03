//! Rows that come from another store: stored as they were there, versions and all.

use std::sync::Arc;

use rekindle_core::store::{Changes, CommitError, FindTyped, UniqueRule, Write, queries};
use rekindle_core::{Store, Version, Versioned};

use super::case::{assert_stale, cases, commit, insert};
use crate::sample;

cases![rows_are_restored_at_their_versions, a_restored_row_is_as_any_other, a_row_that_is_there_is_not_restored];

const SEVENTH: Version = Version { revision: 7, touches: 3 };

async fn rows_are_restored_at_their_versions(store: Arc<dyn Store>) {
    let mut writes = Vec::new();
    let sessions = sample::sessions_of_every_shape();
    for value in &sessions {
        writes.push(Write::restore(Versioned { value: value.clone(), version: SEVENTH }));
    }
    let tasks = sample::tasks_of_every_shape(&sessions[0]);
    for value in &tasks {
        writes.push(Write::restore(Versioned { value: value.clone(), version: SEVENTH }));
    }
    let (machine, key) = (sample::machine("m1"), sample::key(1));
    writes.push(Write::restore(Versioned { value: machine.clone(), version: SEVENTH }));
    writes.push(Write::restore(Versioned { value: key.clone(), version: SEVENTH }));
    commit(&store, writes).await.unwrap();
    for value in sessions {
        let found = store.read(queries::session(value.id)).await.unwrap();
        assert_eq!(found, Some(Versioned { value, version: SEVENTH }));
    }
    for value in tasks {
        let found = store.read(queries::task(value.id)).await.unwrap();
        assert_eq!(found, Some(Versioned { value, version: SEVENTH }));
    }
    let found = store.read(queries::machine(&machine.id)).await.unwrap();
    assert_eq!(found, Some(Versioned { value: machine, version: SEVENTH }));
    assert_eq!(store.read(queries::keys()).await.unwrap(), [Versioned { value: key, version: SEVENTH }]);
}

async fn a_restored_row_is_as_any_other(store: Arc<dyn Store>) {
    let session = sample::session(1);
    let row = Versioned { value: session.clone(), version: SEVENTH };
    commit(&store, vec![Write::restore(row)]).await.unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 1);
    let mut rival = sample::session(2);
    rival.project_id = session.project_id.clone();
    let rival = Write::restore(Versioned { value: rival, version: SEVENTH });
    let outcome = commit(&store, vec![rival]).await;
    assert!(
        matches!(outcome, Err(CommitError::UniqueViolation(UniqueRule::ActivePerProjectAndMachine))),
        "{outcome:?}"
    );
    let mut changes = Changes::default();
    changes.update(session.clone(), SEVENTH);
    store.commit(changes).await.unwrap();
    let found = store.read(queries::session(session.id)).await.unwrap().unwrap();
    assert_eq!(found.version, Version { revision: 8, touches: 3 });
}

async fn a_row_that_is_there_is_not_restored(store: Arc<dyn Store>) {
    let session = sample::session(1);
    insert(&store, session.clone()).await;
    let row = Versioned { value: session.clone(), version: SEVENTH };
    assert_stale(&commit(&store, vec![Write::restore(row)]).await);
    insert(&store, sample::key(1)).await;
    assert_stale(&commit(&store, vec![Write::restore(Versioned { value: sample::key(1), version: SEVENTH })]).await);
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().version, Version::FIRST);
}
