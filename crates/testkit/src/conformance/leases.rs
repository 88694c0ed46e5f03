//! One of several has a lease at a time, and who lost it writes nothing by its right any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{
    Changes, Claim, CommitError, Committed, DetectorState, DetectorStateUpdate, Expect, Fence, FindTyped, LeaseName,
    Write, queries,
};
use rekindle_core::{Session, Store, Version};

use super::case::{cases, insert};
use crate::sample::{self, NOON, noon_plus, text, uuid};

cases![
    the_first_to_ask_gets_it,
    nobody_else_gets_it_while_it_lasts,
    its_holder_keeps_it_with_the_same_token,
    another_gets_it_when_its_time_ran_out,
    what_was_given_back_is_free_at_once,
    who_lost_it_gives_nothing_back,
    duties_are_independent,
    one_of_twenty_claimers_gets_it,
    current_fence_admits_a_commit,
    stale_fence_is_rejected,
    fenced_comes_before_everything_else,
    a_successor_sees_all_that_its_predecessor_wrote,
];

/// Outlasts any case.
const LONG: Duration = Duration::from_secs(3600);
/// Is over soon after it began.
const SHORT: Duration = Duration::from_millis(1);
/// How long a case waits for a lease to run out, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn claim(store: &Arc<dyn Store>, lease: LeaseName, holder: u64, lasts: Duration) -> Option<Fence> {
    let fence = store.claim(Claim { lease, holder: uuid(holder), ttl: lasts }).await.unwrap();
    if let Some(fence) = fence {
        assert_eq!(fence.lease, lease);
        assert_ne!(fence.token, 0);
    }
    fence
}

/// Claims the lease for `holder` until it is granted.
async fn take_over(store: &Arc<dyn Store>, lease: LeaseName, holder: u64) -> Fence {
    let began = Instant::now();
    loop {
        if let Some(fence) = claim(store, lease, holder, LONG).await {
            return fence;
        }
        assert!(began.elapsed() < PATIENCE, "the lease before does not run out");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A stale fence: another holder has taken over the lease.
async fn fallen(store: &Arc<dyn Store>, lease: LeaseName) -> Fence {
    let fence = claim(store, lease, 1, SHORT).await.unwrap();
    take_over(store, lease, 2).await;
    fence
}

/// Stores a session with an event and a note of the detector, by the right of this fence.
async fn write(store: &Arc<dyn Store>, session: Session, fence: Fence) -> Result<Committed, CommitError> {
    let event = Event::new(NOON, EventKind::SessionCreated, Subject::Session(session.id));
    let value = DetectorState { last_pass_at: NOON, next_pass_due: noon_plus(1), grace_until: NOON };
    let seen = store.read(queries::detector_state()).await.unwrap();
    let watch = Some(DetectorStateUpdate { value, seen });
    let mut changes = Changes { events: vec![event], detector_state: watch, fence: Some(fence), ..Changes::default() };
    changes.insert(session);
    store.commit(changes).await
}

#[track_caller]
fn assert_fenced(outcome: &Result<Committed, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::Fenced)), "expected Fenced, got {outcome:?}");
}

async fn the_first_to_ask_gets_it(store: Arc<dyn Store>) {
    for lease in LeaseName::ALL {
        assert!(claim(&store, lease, 1, LONG).await.is_some());
    }
}

async fn nobody_else_gets_it_while_it_lasts(store: Arc<dyn Store>) {
    let fence = claim(&store, LeaseName::Detection, 1, LONG).await;
    for holder in 2..5 {
        assert_eq!(claim(&store, LeaseName::Detection, holder, LONG).await, None);
    }
    assert_eq!(claim(&store, LeaseName::Detection, 1, LONG).await, fence, "who asks in vain changes nothing");
}

async fn its_holder_keeps_it_with_the_same_token(store: Arc<dyn Store>) {
    let fence = claim(&store, LeaseName::Detection, 1, SHORT).await;
    // Whether or not the lease has expired when it is claimed again: no other holder has taken it.
    tokio::time::sleep(SHORT * 20).await;
    assert_eq!(claim(&store, LeaseName::Detection, 1, LONG).await, fence);
    assert_eq!(claim(&store, LeaseName::Detection, 2, LONG).await, None, "the new time counts, not the first");
    assert_eq!(claim(&store, LeaseName::Detection, 1, SHORT).await, fence);
    assert!(take_over(&store, LeaseName::Detection, 2).await.token > fence.unwrap().token, "also when it is shorter");
}

async fn another_gets_it_when_its_time_ran_out(store: Arc<dyn Store>) {
    let (began, lasts) = (Instant::now(), Duration::from_millis(200));
    let first = claim(&store, LeaseName::Detection, 1, lasts).await.unwrap();
    let second = take_over(&store, LeaseName::Detection, 2).await;
    // A store may count in milliseconds, and by a clock that runs a little unlike ours.
    assert!(began.elapsed() > lasts * 9 / 10, "it was taken after {:?}", began.elapsed());
    assert!(second.token > first.token);
    assert_eq!(claim(&store, LeaseName::Detection, 1, LONG).await, None, "the first has lost it");
}

async fn what_was_given_back_is_free_at_once(store: Arc<dyn Store>) {
    let first = claim(&store, LeaseName::Detection, 1, LONG).await.unwrap();
    store.release(first).await.unwrap();
    let second = claim(&store, LeaseName::Detection, 2, LONG).await.unwrap();
    assert!(second.token > first.token);
    store.release(second).await.unwrap();
    let third = claim(&store, LeaseName::Detection, 2, LONG).await.unwrap();
    assert!(third.token > second.token, "it was given back, so this is a new right");
    assert_fenced(&write(&store, sample::session(1), second).await);
    write(&store, sample::session(1), third).await.unwrap();
}

async fn who_lost_it_gives_nothing_back(store: Arc<dyn Store>) {
    let lost = fallen(&store, LeaseName::Detection).await;
    store.release(lost).await.unwrap();
    assert_eq!(claim(&store, LeaseName::Detection, 3, LONG).await, None);
    let never = Fence { lease: LeaseName::Retention, token: 1 };
    store.release(never).await.unwrap();
    assert!(claim(&store, LeaseName::Retention, 3, LONG).await.is_some());
}

async fn duties_are_independent(store: Arc<dyn Store>) {
    fallen(&store, LeaseName::Detection).await;
    let detection = claim(&store, LeaseName::Detection, 2, LONG).await.unwrap();
    let retention = claim(&store, LeaseName::Retention, 3, LONG).await.unwrap();
    assert_eq!(claim(&store, LeaseName::Detection, 3, LONG).await, None);
    assert_eq!(claim(&store, LeaseName::Retention, 2, LONG).await, None);
    assert_ne!(detection.token, retention.token, "one changed hands, the other did not");
    assert_fenced(&write(&store, sample::session(1), Fence { lease: LeaseName::Retention, ..detection }).await);
    store.release(retention).await.unwrap();
    write(&store, sample::session(1), detection).await.unwrap();
}

async fn one_of_twenty_claimers_gets_it(store: Arc<dyn Store>) {
    for (n, lease) in (1..).zip(LeaseName::ALL) {
        let claimers = (1..=20).map(|holder| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { claim(&store, lease, holder, LONG).await })
        });
        let mut got = Vec::new();
        for claimer in claimers.collect::<Vec<_>>() {
            got.extend(claimer.await.unwrap());
        }
        assert_eq!(got.len(), 1, "{got:?}");
        write(&store, sample::session(n), got[0]).await.unwrap();
    }
}

async fn current_fence_admits_a_commit(store: Arc<dyn Store>) {
    let fence = claim(&store, LeaseName::Detection, 1, SHORT).await.unwrap();
    write(&store, sample::session(1), fence).await.unwrap();
    // Also after it expired, while no other holder has taken it.
    tokio::time::sleep(SHORT * 20).await;
    write(&store, sample::session(2), fence).await.unwrap();
    claim(&store, LeaseName::Detection, 1, LONG).await.unwrap();
    write(&store, sample::session(3), fence).await.unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 3);
    assert_eq!(store.events(None, 10).await.unwrap().len(), 3);
}

async fn stale_fence_is_rejected(store: Arc<dyn Store>) {
    let lost = fallen(&store, LeaseName::Detection).await;
    let never = Fence { lease: LeaseName::Retention, token: 1 };
    for fence in [lost, never, Fence { token: u64::MAX, ..lost }] {
        assert_fenced(&write(&store, sample::session(1), fence).await);
    }
    assert_eq!(store.read(queries::session(sample::session(1).id)).await.unwrap(), None);
    assert_eq!(store.events(None, 10).await.unwrap(), []);
    assert_eq!(store.read(queries::detector_state()).await.unwrap(), None);
    // Also when it is the same holder's again: what it began before, it began by another right.
    let second = claim(&store, LeaseName::Detection, 2, SHORT).await.unwrap();
    let third = take_over(&store, LeaseName::Detection, 1).await;
    assert!(third.token > second.token && second.token > lost.token);
    assert_fenced(&write(&store, sample::session(1), lost).await);
    assert_fenced(&write(&store, sample::session(1), second).await);
    write(&store, sample::session(1), third).await.unwrap();
}

async fn fenced_comes_before_everything_else(store: Arc<dyn Store>) {
    let lost = fallen(&store, LeaseName::Detection).await;
    let there = sample::session(1);
    insert(&store, there.clone()).await;
    // It is there already; it is at another version; its place is taken.
    let mut rival = sample::session(2);
    rival.project_id = text("p1");
    let elsewhere = Version { revision: 7, touches: 0 };
    for (value, expect) in [(there.clone(), Expect::Absent), (there, Expect::At(elsewhere)), (rival, Expect::Absent)] {
        let writes = vec![Write::put(value, expect)];
        let outcome = |fence| store.commit(Changes { writes: writes.clone(), fence, ..Changes::default() });
        assert!(matches!(outcome(None).await, Err(CommitError::Stale | CommitError::UniqueViolation(_))));
        assert_fenced(&outcome(Some(lost)).await);
    }
}

/// A commit of the one who loses the lease, and its takeover, in any order: never does anything of it appear after the
/// successor has looked.
async fn a_successor_sees_all_that_its_predecessor_wrote(store: Arc<dyn Store>) {
    let lease = LeaseName::Detection;
    for n in 1..=20 {
        let fence = claim(&store, lease, 2 * n, SHORT).await.unwrap();
        tokio::time::sleep(SHORT * 3).await;
        let session = sample::session(n);
        let id = session.id;
        let (old, new) = (Arc::clone(&store), Arc::clone(&store));
        let predecessor = async move {
            let mut changes = Changes { fence: Some(fence), ..Changes::default() };
            changes.insert(session);
            old.commit(changes).await
        };
        let successor = async move {
            let fence = take_over(&new, lease, 2 * n + 1).await;
            (fence, new.read(queries::session(id)).await.unwrap().is_some())
        };
        let (written, (mine, seen)) = if n.is_multiple_of(2) {
            let predecessor = tokio::spawn(predecessor);
            let successor = tokio::spawn(successor);
            (predecessor.await.unwrap(), successor.await.unwrap())
        } else {
            let successor = tokio::spawn(successor);
            let predecessor = tokio::spawn(predecessor);
            (predecessor.await.unwrap(), successor.await.unwrap())
        };
        match &written {
            Ok(_) => assert!(seen, "it was written after another had taken over"),
            Err(CommitError::Fenced) => assert!(!seen && store.read(queries::session(id)).await.unwrap().is_none()),
            Err(other) => panic!("expected Ok or Fenced, got {other:?}"),
        }
        store.release(mine).await.unwrap();
    }
}
