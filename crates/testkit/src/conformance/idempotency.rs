//! Stored responses: stored with their commit or not at all, one under each idempotency key until it expires.

use std::sync::Arc;

use rekindle_core::Store;
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{
    Changes, CommitError, Committed, FindTyped, IdempotencyKey, StoredResponse, UniqueRule, Write, queries,
};

use super::case::{assert_stale, cases, insert};
use crate::sample::{self, NOON, noon_plus};

cases![
    an_answer_comes_with_its_commit,
    a_second_commit_under_the_same_key_does_nothing,
    the_key_is_looked_at_before_the_rows,
    a_commit_that_fails_leaves_no_answer,
    an_answer_stands_for_its_time,
    of_two_at_once_one_goes_through,
    a_large_answer_is_kept_whole,
];

fn answer(key: u8, words: &str) -> StoredResponse {
    StoredResponse {
        key: IdempotencyKey([key; 32]),
        request: [7; 32],
        answer: words.as_bytes().into(),
        at: NOON,
        until: noon_plus(1000),
    }
}

fn create(n: u64, remember: Option<StoredResponse>) -> Changes {
    let mut changes = Changes { stored_response: remember, ..Changes::default() };
    let session = sample::session(n);
    changes.events.push(Event::new(NOON, EventKind::SessionCreated, Subject::Session(session.id)));
    changes.insert(session);
    changes
}

#[track_caller]
fn assert_taken(outcome: &Result<Committed, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey))), "{outcome:?}");
}

async fn an_answer_comes_with_its_commit(store: Arc<dyn Store>) {
    let key = IdempotencyKey([1; 32]);
    assert_eq!(store.read(queries::stored_response(&key, NOON)).await.unwrap(), None);
    store.commit(create(1, Some(answer(1, "made")))).await.unwrap();
    assert_eq!(store.read(queries::stored_response(&key, NOON)).await.unwrap(), Some(answer(1, "made")));
    assert_eq!(store.read(queries::stored_response(&IdempotencyKey([2; 32]), NOON)).await.unwrap(), None);
    let alone = Changes { stored_response: Some(answer(2, "nothing to do")), ..Changes::default() };
    store.commit(alone).await.unwrap();
    assert_eq!(
        store.read(queries::stored_response(&IdempotencyKey([2; 32]), NOON)).await.unwrap(),
        Some(answer(2, "nothing to do"))
    );
}

async fn a_second_commit_under_the_same_key_does_nothing(store: Arc<dyn Store>) {
    store.commit(create(1, Some(answer(1, "first")))).await.unwrap();
    assert_taken(&store.commit(create(2, Some(answer(1, "second")))).await);
    assert_eq!(store.read(queries::session(sample::session(2).id)).await.unwrap(), None);
    assert_eq!(store.events(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.read(queries::stored_response(&answer(1, "").key, NOON)).await.unwrap(), Some(answer(1, "first")));
    // Under another key it goes through.
    store.commit(create(2, Some(answer(2, "second")))).await.unwrap();
}

async fn the_key_is_looked_at_before_the_rows(store: Arc<dyn Store>) {
    store.commit(create(1, Some(answer(1, "first")))).await.unwrap();
    // The same session again: absent it is not, and its rule is taken, but the answer says more.
    assert_taken(&store.commit(create(1, Some(answer(1, "second")))).await);
    assert_stale(&store.commit(create(1, None)).await);
}

async fn a_commit_that_fails_leaves_no_answer(store: Arc<dyn Store>) {
    insert(&store, sample::session(1)).await;
    assert_stale(&store.commit(create(1, Some(answer(1, "never")))).await);
    assert_eq!(store.read(queries::stored_response(&answer(1, "").key, NOON)).await.unwrap(), None);
    let mut rival = sample::session(2);
    rival.project_id = sample::session(1).project_id;
    let put = Write::put(rival, rekindle_core::store::Expect::Absent);
    let changes = Changes { writes: vec![put], stored_response: Some(answer(1, "never")), ..Changes::default() };
    let outcome = store.commit(changes).await;
    assert!(
        matches!(outcome, Err(CommitError::UniqueViolation(UniqueRule::ActivePerProjectAndMachine))),
        "{outcome:?}"
    );
    assert_eq!(store.read(queries::stored_response(&answer(1, "").key, NOON)).await.unwrap(), None);
    store.commit(create(3, Some(answer(1, "now")))).await.unwrap();
}

async fn an_answer_stands_for_its_time(store: Arc<dyn Store>) {
    store.commit(create(1, Some(answer(1, "old")))).await.unwrap();
    let key = answer(1, "").key;
    assert!(store.read(queries::stored_response(&key, noon_plus(999))).await.unwrap().is_some());
    assert_eq!(store.read(queries::stored_response(&key, noon_plus(1000))).await.unwrap(), None);
    let late = |at| StoredResponse { at: noon_plus(at), until: noon_plus(at + 1000), ..answer(1, "new") };
    assert_taken(&store.commit(create(2, Some(late(999)))).await);
    store.commit(create(2, Some(late(1000)))).await.unwrap();
    assert_eq!(store.read(queries::stored_response(&key, noon_plus(1000))).await.unwrap(), Some(late(1000)));
}

async fn of_two_at_once_one_goes_through(store: Arc<dyn Store>) {
    let mut asked = Vec::new();
    for n in 1..=8 {
        let store = Arc::clone(&store);
        asked.push(tokio::spawn(async move { store.commit(create(n, Some(answer(1, &n.to_string())))).await }));
    }
    let mut through = 0;
    for outcome in asked {
        match outcome.await.unwrap() {
            Ok(_) => through += 1,
            refused => assert_taken(&refused),
        }
    }
    assert_eq!(through, 1);
    let stands = store.read(queries::stored_response(&answer(1, "").key, NOON)).await.unwrap().unwrap();
    let winner: u64 = String::from_utf8(stands.answer.into()).unwrap().parse().unwrap();
    for n in 1..=8 {
        assert_eq!(store.read(queries::session(sample::session(n).id)).await.unwrap().is_some(), n == winner);
    }
}

async fn a_large_answer_is_kept_whole(store: Arc<dyn Store>) {
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| u8::try_from(n % 256).unwrap()).collect();
    let large = StoredResponse { answer: bytes.into(), ..answer(1, "") };
    store.commit(create(1, Some(large.clone()))).await.unwrap();
    assert_eq!(store.read(queries::stored_response(&large.key, NOON)).await.unwrap(), Some(large));
}
