//! Each call is observed once: its operation, its outcome, its duration.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use rekindle_core::StoreError;
use rekindle_core::store::{CommitError, UniqueRule};

use super::{Measured, Observation, StoreObserver};
use crate::{Layer, Op, Outcome};

#[derive(Default)]
struct Notes(Mutex<Vec<Observation>>);

impl StoreObserver for Notes {
    fn observed(&self, observation: Observation) {
        self.0.lock().unwrap().push(observation);
    }
}

impl Notes {
    fn taken(&self) -> Vec<(Op, Outcome)> {
        self.0.lock().unwrap().drain(..).map(|one| (one.op, one.outcome)).collect()
    }
}

#[tokio::test]
async fn every_outcome_has_its_name() {
    let notes = Arc::new(Notes::default());
    let measured = Measured::by(Arc::clone(&notes));
    let why = || "why".to_owned();
    let failed = [
        (CommitError::Stale, Outcome::Stale),
        (CommitError::UniqueViolation(UniqueRule::LivePerSlot), Outcome::Taken),
        (CommitError::Fenced, Outcome::Fenced),
        (StoreError::Unavailable(why()).into(), Outcome::Unavailable),
        (StoreError::Overloaded(why()).into(), Outcome::Overloaded),
        (StoreError::CircuitOpen { retry_in: std::time::Duration::ZERO }.into(), Outcome::CircuitOpen),
        (StoreError::TimedOut(why()).into(), Outcome::TimedOut),
        (StoreError::Unknown(why()).into(), Outcome::Unknown),
        (StoreError::Corrupt(why()).into(), Outcome::Corrupt),
    ];
    for (error, outcome) in failed {
        let answer = measured.call(Op::COMMIT, async { Err::<(), _>(error) }).await;
        assert!(answer.is_err());
        assert_eq!(notes.taken(), [(Op::COMMIT, outcome)]);
    }
    measured.read(Op::query("session"), || async { Ok(None::<()>) }).await.unwrap();
    assert_eq!(notes.taken(), [(Op::query("session"), Outcome::Ok)], "that there is none is an answer");
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_seen() {
    let notes = Arc::new(Notes::default());
    let measured = Measured::by(Arc::clone(&notes));
    {
        let mut call = pin!(measured.call(Op::BEAT, pending::<Result<(), StoreError>>()));
        poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(notes.taken(), []);
    }
    assert_eq!(notes.taken(), [(Op::BEAT, Outcome::Abandoned)]);
}

#[tokio::test(start_paused = true)]
async fn its_duration_is_the_calls_own() {
    let notes = Arc::new(Notes::default());
    let measured = Measured::by(Arc::clone(&notes));
    let began = std::time::Instant::now();
    let busy = async {
        while began.elapsed() < std::time::Duration::from_millis(20) {
            tokio::task::yield_now().await;
        }
        Ok::<_, StoreError>(())
    };
    measured.call(Op::PING, busy).await.unwrap();
    let took = notes.0.lock().unwrap()[0].took;
    assert!((std::time::Duration::from_millis(20)..=began.elapsed()).contains(&took), "{took:?}");
}

#[test]
fn labels_are_distinct() {
    let mut outcomes: Vec<_> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    let mut ops: Vec<_> = Op::all().map(Op::name).collect();
    for labels in [&mut outcomes, &mut ops] {
        let count = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), count);
    }
}
