//! Tests of `leader_election`, by the real clock with short terms: a store's leases run out by its own.

use rekindle_core::{Policy, SystemClock};
use rekindle_testkit::MemoryStore;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;

const QUICK: LeaseTiming = LeaseTiming {
    lasts: Duration::from_millis(600),
    renew: Duration::from_millis(200),
    retry: Duration::from_millis(100),
    initial_retry: Duration::from_millis(50),
};
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that wants to work.
struct Worker {
    leadership: LeaderElection,
    /// How often it began to work.
    begun: watch::Receiver<u32>,
    task: JoinHandle<()>,
}

fn tracker() -> Tracker {
    Tracker::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(RandomIds), Policy::default())
}

impl Worker {
    /// Its work is to wait until `detect` says that it has lost the lease.
    fn start(tracker: &Tracker) -> Self {
        let leadership = LeaderElection::new(tracker.clone(), "test", LeaseName::Detection, QUICK);
        let (begins, begun) = watch::channel(0);
        let begins = Arc::new(begins);
        let leads = leadership.clone();
        let task = tokio::spawn(async move {
            let work = |tracker: Tracker| {
                let begins = Arc::clone(&begins);
                async move {
                    begins.send_modify(|times| *times += 1);
                    while tracker.detect().await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            };
            leads.run_while_leader(work).await;
        });
        Self { leadership, begun, task }
    }

    async fn begins(&mut self, times: u32) {
        let begun = self.begun.wait_for(|begun| *begun >= times);
        tokio::time::timeout(PATIENCE, begun).await.expect("it gets the duty in time").unwrap();
    }

    fn works(&self) -> bool {
        self.leadership.held.lock().unwrap().is_some()
    }

    /// As a process that is killed: nothing is given back.
    async fn die(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

#[tokio::test]
async fn one_of_several_works_and_another_follows_when_it_dies() {
    let tracker = tracker();
    let mut first = Worker::start(&tracker);
    first.begins(1).await;
    let mut second = Worker::start(&tracker);
    assert!(!second.works());
    first.die().await;
    second.begins(1).await;
    second.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_takes_longer_than_the_lease_does_not_lose_it() {
    // The renewals are so frequent that only a machine that stops for seconds would lose it.
    let terms = LeaseTiming { lasts: Duration::from_secs(3), renew: Duration::from_millis(100), ..QUICK };
    let tracker = tracker();
    let leadership = LeaderElection::new(tracker.clone(), "test", LeaseName::Detection, terms);
    let (says, mut said) = watch::channel(None);
    let says = Arc::new(says);
    let leads = leadership.clone();
    let task = tokio::spawn(async move {
        let work = |tracker: Tracker| {
            let says = Arc::clone(&says);
            async move {
                says.send_replace(Some(Ok(())));
                tokio::time::sleep(terms.lasts + Duration::from_secs(1)).await;
                says.send_replace(Some(tracker.detect().await.map(drop)));
                std::future::pending::<()>().await;
            }
        };
        leads.run_while_leader(work).await;
    });
    tokio::time::timeout(PATIENCE, said.wait_for(Option::is_some)).await.unwrap().unwrap();
    said.mark_unchanged();
    let other = Claim { lease: LeaseName::Detection, holder: RandomIds.new_id(), ttl: terms.lasts };
    while !said.has_changed().unwrap() {
        assert_eq!(tracker.store().claim(other).await.unwrap(), None);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(*said.borrow(), Some(Ok(()))), "what it did at the end was written");
    task.abort();
}

#[tokio::test]
async fn what_is_given_back_goes_to_another_without_running_out() {
    let tracker = tracker();
    let long = LeaseTiming { lasts: Duration::from_secs(3600), ..QUICK };
    let mut first = Worker::start(&tracker);
    first.begins(1).await;
    // As if it had been given for an hour.
    let claim = Claim { lease: LeaseName::Detection, holder: first.leadership.holder, ttl: long.lasts };
    first.task.abort();
    let _ = (&mut first.task).await;
    tracker.store().claim(claim).await.unwrap().unwrap();
    first.leadership.release().await;
    let mut second = Worker::start(&tracker);
    second.begins(1).await;
    // What was given back once is not given back again, from another's hands.
    first.leadership.release().await;
    let other = Claim { holder: RandomIds.new_id(), ..claim };
    assert_eq!(tracker.store().claim(other).await.unwrap(), None);
    second.die().await;
}

#[tokio::test]
async fn who_lost_it_hears_of_it_and_becomes_a_candidate_again() {
    let tracker = tracker();
    let mut worker = Worker::start(&tracker);
    worker.begins(1).await;
    // Another takes over behind its back, as after a long sleep of its host, and leaves again.
    let fence = worker.leadership.held.lock().unwrap().unwrap();
    tracker.store().release(fence).await.unwrap();
    let other = Claim { lease: LeaseName::Detection, holder: RandomIds.new_id(), ttl: Duration::from_millis(300) };
    match tracker.store().claim(other).await.unwrap() {
        Some(taken) => assert!(taken.token > fence.token),
        None => println!("the worker was quicker: it has taken it anew"),
    }
    worker.begins(2).await;
    let anew = worker.leadership.held.lock().unwrap().unwrap();
    assert!(anew.token > fence.token, "it works by a new right");
    worker.die().await;
}

#[test]
fn a_killed_holder_is_followed_within_ten_seconds() {
    let LeaseTiming { lasts, renew, retry: ask, initial_retry: ask_young } = LeaseTiming::DEFAULT;
    // The claim at the last moment, all of the lease, a candidate's longest pause, and two slow claims.
    assert!(lasts + ask <= Duration::from_secs(8));
    assert!(renew * 2 < lasts, "one renewal may fail");
    for age in [Duration::ZERO, Duration::from_secs(3600)] {
        let pause = LeaseTiming::DEFAULT.pause(age);
        assert!(pause <= if age.is_zero() { ask_young } else { ask } && pause >= ask_young / 2, "{pause:?}");
    }
}
