//! What many do at once comes out as if they had done it one after another.

use std::sync::Arc;

use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::store::{Changes, CommitError, FindTyped, UniqueRule, Write, queries};
use rekindle_core::use_cases::{NewSession, NewTask, Recovered, SessionPatch, SessionTarget, TaskPatch};
use rekindle_core::{Error, Metadata, Policy, Rejection, Session, SessionId, Store, TaskStatus, Tracker};

use super::case::{cases, insert};
use crate::invariants;
use crate::manual_clock::{ManualClock, SequentialIds};
use crate::sample::{self, noon_plus, text, uuid};

cases![
    one_of_fifty_inserts_wins,
    one_of_fifty_creates_wins,
    twenty_recovers_make_one_successor,
    every_touch_counts,
    beats_and_puts_at_once_lose_nothing,
    tasks_made_while_their_session_ends,
    a_heartbeat_wins_over_a_judgement_of_silence,
];

fn tracker(store: &Arc<dyn Store>) -> Tracker {
    let (clock, ids) = (Arc::new(ManualClock::default()), Arc::new(SequentialIds::default()));
    Tracker::new(Arc::clone(store), clock, ids, Policy::default())
}

fn new_session(project: &str, machine: &str) -> NewSession {
    NewSession {
        project_id: text(project),
        machine_id: text(machine),
        docker_slot: None,
        metadata: Metadata::default(),
    }
}

/// Runs them all at once and answers what each answered.
async fn at_once<T: Send + 'static>(tasks: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let handles: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for handle in handles {
        answers.push(handle.await.unwrap());
    }
    answers
}

async fn one_of_fifty_inserts_wins(store: Arc<dyn Store>) {
    let insert = |n| {
        let store = Arc::clone(&store);
        async move {
            let mut session = sample::session(n);
            session.project_id = text("p");
            let mut changes = Changes::default();
            changes.insert(session);
            store.commit(changes).await
        }
    };
    let answers = at_once((1..=50).map(insert).collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let taken = Err::<(), _>(UniqueRule::ActivePerProjectAndMachine);
    for answer in answers.into_iter().filter(Result::is_err) {
        match answer {
            Err(CommitError::UniqueViolation(rule)) => assert_eq!(Err(rule), taken),
            other => panic!("expected Taken, got {other:?}"),
        }
    }
}

async fn one_of_fifty_creates_wins(store: Arc<dyn Store>) {
    let tracker = tracker(&store);
    let create = |_| {
        let tracker = tracker.clone();
        async move { tracker.sessions().create(new_session("p", "m")).await }
    };
    let answers = at_once((0..50).map(create).collect()).await;
    let winner = answers.iter().find_map(|answer| answer.as_ref().ok()).unwrap().value.id;
    let losers = answers.into_iter().filter_map(Result::err);
    let mut lost = 0;
    for loser in losers {
        assert!(
            matches!(loser, Error::Rejected(Rejection::SessionConflict { existing }) if existing == winner),
            "{loser:?}"
        );
        lost += 1;
    }
    assert_eq!(lost, 49);
    invariants::assert_hold(store.as_ref()).await;
}

async fn twenty_recovers_make_one_successor(store: Arc<dyn Store>) {
    let tracker = tracker(&store);
    let original = tracker.sessions().create(new_session("p", "m")).await.unwrap().value.id;
    let new = |name| NewTask {
        session_id: original,
        project_id: text("p"),
        github_issue_id: None,
        name: text(name),
        metadata: Metadata::default(),
    };
    for name in ["one", "two"] {
        tracker.tasks().create(new(name)).await.unwrap();
    }
    tracker.sessions().mark_failed(original, text("crashed"), None).await.unwrap();
    let recover = |n| {
        let tracker = tracker.clone();
        let recovery = Recovery {
            new_machine_id: text(&format!("m{}", n % 3)),
            docker_slot: None,
            failed_tasks: FailedTasks::Reset,
        };
        async move { tracker.sessions().recover(original, &recovery).await.unwrap() }
    };
    let answers = at_once((0..20).map(recover).collect()).await;
    let made: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Recovered::Created(successor) => Some(successor.value.id),
            Recovered::AlreadyRecovered(_) => None,
        })
        .collect();
    assert_eq!(made.len(), 1);
    for answer in &answers {
        let (Recovered::Created(successor) | Recovered::AlreadyRecovered(successor)) = answer;
        assert_eq!(successor.value.id, made[0]);
    }
    assert_eq!(store.read(queries::tasks_of(made[0], &TaskStatus::ALL)).await.unwrap().len(), 2);
    assert_eq!(store.read(queries::counts()).await.unwrap().total(), 2);
    invariants::assert_hold(store.as_ref()).await;
}

async fn every_touch_counts(store: Arc<dyn Store>) {
    let session = sample::session(1);
    insert(&store, session.clone()).await;
    let touch = |_| {
        let store = Arc::clone(&store);
        let writes = vec![Write::touch::<Session>(SessionId(uuid(1)), 1)];
        async move { store.commit(Changes { writes, ..Changes::default() }).await.unwrap() }
    };
    at_once((0..40).map(touch).collect()).await;
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().version.touches, 40);
}

async fn beats_and_puts_at_once_lose_nothing(store: Arc<dyn Store>) {
    let tracker = tracker(&store);
    let id = tracker.sessions().create(new_session("p", "m")).await.unwrap().value.id;
    let clock = ManualClock::default();
    let last = rekindle_core::Clock::now(&clock).plus(std::time::Duration::from_millis(64));
    let work = |n: u64| {
        let (tracker, store) = (tracker.clone(), Arc::clone(&store));
        let at = last.minus(std::time::Duration::from_millis(n));
        async move {
            if n.is_multiple_of(2) {
                super::heartbeats::beat(&store, id, at).await.unwrap();
            } else {
                let patch = sample::metadata(serde_json::json!({ format!("k{n}"): n })).as_map().clone();
                let metadata = Some(rekindle_core::MetadataPatch(patch));
                tracker.sessions().update(id, &SessionPatch { metadata, ..SessionPatch::default() }).await.unwrap();
            }
        }
    };
    at_once((0..64).map(work).collect()).await;
    let found = store.read(queries::session(id)).await.unwrap().unwrap();
    assert_eq!(found.value.last_heartbeat, last);
    assert_eq!(found.value.metadata.as_map().len(), 32);
    assert_eq!(found.version.revision, 33);
}

async fn tasks_made_while_their_session_ends(store: Arc<dyn Store>) {
    let tracker = tracker(&store);
    let id = tracker.sessions().create(new_session("p", "m")).await.unwrap().value.id;
    let work = |n: u64| {
        let tracker = tracker.clone();
        async move {
            if n == 12 {
                let status = Some(SessionTarget::Failed(text("crashed")));
                tracker.sessions().update(id, &SessionPatch { status, ..SessionPatch::default() }).await.unwrap();
                return;
            }
            let new = NewTask {
                session_id: id,
                project_id: text("p"),
                github_issue_id: None,
                name: text(&format!("task {n}")),
                metadata: Metadata::default(),
            };
            let ended =
                |error: Error| assert!(matches!(error, Error::Rejected(Rejection::SessionEnded { .. })), "{error:?}");
            match tracker.tasks().create(new).await {
                Ok(task) => {
                    let start = TaskPatch { status: Some(TaskTarget::InProgress), ..TaskPatch::default() };
                    tracker.tasks().update(task.value.id, &start).await.map(drop).unwrap_or_else(ended);
                }
                Err(error) => ended(error),
            }
        }
    };
    at_once((0..24).map(work).collect()).await;
    invariants::assert_hold(store.as_ref()).await;
}

async fn a_heartbeat_wins_over_a_judgement_of_silence(store: Arc<dyn Store>) {
    // A detector that judged silence up to noon, and a beat one millisecond later, in any order.
    for n in 1..=20 {
        let session = sample::session(n);
        insert(&store, session.clone()).await;
        let stall = {
            let store = Arc::clone(&store);
            let mut stalled = session.clone();
            stalled.phase = sample::live(rekindle_core::domain::session::LiveState::Stalled { prepared_at: None });
            let expect = rekindle_core::store::Expect::NoHeartbeatSince {
                at: rekindle_core::Version::FIRST,
                since: session.last_heartbeat,
            };
            let put = Write::put(stalled, expect);
            async move { store.commit(Changes { writes: vec![put], ..Changes::default() }).await.is_ok() }
        };
        let beat = {
            let (store, id) = (Arc::clone(&store), session.id);
            async move { super::heartbeats::beat(&store, id, noon_plus(1)).await.is_ok() }
        };
        let (stalled, beaten) = tokio::join!(tokio::spawn(stall), tokio::spawn(beat));
        assert!(stalled.unwrap() != beaten.unwrap(), "exactly one of them happened");
    }
}
