//! The layer: what counts, that nothing reaches the store while it is open, and that exactly one call finds out, whoever
//! goes away meanwhile.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use rekindle_core::StoreError;
use rekindle_core::store::{CommitError, UniqueRule};
use rekindle_testkit::ManualClock;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::CircuitBreaker;
use crate::{BreakerOptions, CircuitState, Layer, Op};

fn circuit() -> (Arc<CircuitBreaker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Arc::new(CircuitBreaker::new(BreakerOptions::default(), Arc::clone(&clock) as _)), clock)
}

fn gone() -> StoreError {
    StoreError::Unavailable("gone".to_owned())
}

/// A circuit that has just opened.
async fn open() -> (Arc<CircuitBreaker>, Arc<ManualClock>) {
    let (circuit, clock) = circuit();
    for _ in 0..5 {
        assert_eq!(circuit.call(Op::query("session"), async { Err::<(), _>(gone()) }).await, Err(gone()));
    }
    assert_eq!(circuit.snapshot().state, CircuitState::Open);
    (circuit, clock)
}

/// A call that would be answered.
async fn ask(circuit: &CircuitBreaker) -> Result<(), StoreError> {
    circuit.call(Op::query("session"), async { Ok(()) }).await
}

#[tokio::test]
async fn while_it_is_open_nothing_reaches_the_store() {
    let (circuit, clock) = open().await;
    clock.advance(Duration::from_secs(10));
    for op in Op::all() {
        let reached = AtomicU32::new(0);
        let asked = async {
            reached.fetch_add(1, Ordering::SeqCst);
            Ok::<_, StoreError>(())
        };
        let refused = circuit.call(op, asked).await;
        assert_eq!(refused, Err(StoreError::CircuitOpen { retry_in: Duration::from_secs(20) }), "{op:?}");
        assert_eq!(reached.into_inner(), 0, "{op:?}");
    }
    let commit = circuit.call(Op::COMMIT, async { Ok::<(), CommitError>(()) }).await;
    assert!(matches!(commit, Err(CommitError::Failed(StoreError::CircuitOpen { .. }))), "{commit:?}");
    let words = ask(&circuit).await.unwrap_err().to_string();
    assert!(words.contains("the circuit to the store is open") && words.contains("20000 ms"), "{words}");
}

#[tokio::test]
async fn only_what_says_that_the_store_is_sick_counts() {
    let why = || "why".to_owned();
    for error in [StoreError::Unavailable(why()), StoreError::TimedOut(why()), StoreError::Unknown(why())] {
        let (circuit, _) = circuit();
        for _ in 0..5 {
            assert!(circuit.is_closed());
            let _ = circuit.call(Op::BEAT, async { Err::<(), _>(error.clone()) }).await;
        }
        assert!(!circuit.is_closed(), "{error:?}");
    }
    let (circuit, _) = circuit();
    for _ in 0..20 {
        let nested = StoreError::CircuitOpen { retry_in: Duration::ZERO };
        for error in [StoreError::Corrupt(why()), StoreError::Overloaded(why()), nested] {
            let _ = circuit.call(Op::query("session"), async { Err::<(), _>(error) }).await;
        }
        for error in [CommitError::Stale, CommitError::UniqueViolation(UniqueRule::Successor), CommitError::Fenced] {
            let _ = circuit.call(Op::COMMIT, async { Err::<(), _>(error) }).await;
        }
        let commit = CommitError::Failed(StoreError::Corrupt(why()));
        let _ = circuit.call(Op::COMMIT, async { Err::<(), _>(commit) }).await;
    }
    assert!(circuit.is_closed());
    assert_eq!(circuit.snapshot().failures, 0);
}

#[tokio::test]
async fn an_answer_that_is_a_no_closes_it() {
    let (circuit, clock) = open().await;
    clock.advance(Duration::from_secs(30));
    let _ = circuit.call(Op::COMMIT, async { Err::<(), _>(CommitError::Stale) }).await;
    assert!(circuit.is_closed());
    ask(&circuit).await.unwrap();
}

#[tokio::test]
async fn a_ping_may_find_out() {
    let (circuit, clock) = open().await;
    clock.advance(Duration::from_secs(30));
    let failed = circuit.call(Op::PING, async { Err::<(), _>(gone()) }).await;
    assert_eq!(failed, Err(gone()));
    assert_eq!(ask(&circuit).await, Err(StoreError::CircuitOpen { retry_in: Duration::from_secs(30) }));
    clock.advance(Duration::from_secs(30));
    circuit.call(Op::PING, async { Ok::<_, StoreError>(()) }).await.unwrap();
    assert!(circuit.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_exactly_one_finds_out() {
    let (circuit, clock) = open().await;
    for round in 1..=50_u32 {
        clock.advance(Duration::from_secs(30));
        let go = Arc::new(Semaphore::new(0));
        let (reached, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let (circuit, go) = (Arc::clone(&circuit), Arc::clone(&go));
                let (reached, refused) = (Arc::clone(&reached), Arc::clone(&refused));
                tokio::spawn(async move {
                    let asked = async {
                        reached.fetch_add(1, Ordering::SeqCst);
                        let _go = go.acquire().await.unwrap();
                        Err::<(), _>(gone())
                    };
                    if let Err(StoreError::CircuitOpen { .. }) = circuit.call(Op::query("session"), asked).await {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        // The one that finds out has no answer before all others have theirs.
        until(|| reached.load(Ordering::SeqCst) + refused.load(Ordering::SeqCst) == 16).await;
        go.add_permits(16);
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!((reached.load(Ordering::SeqCst), refused.load(Ordering::SeqCst)), (1, 15), "round {round}");
    }
}

async fn until(holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), held).await.expect("it holds in the end");
}

#[tokio::test]
async fn a_probe_whose_caller_goes_away_leaves_it_to_the_next() {
    let (circuit, clock) = open().await;
    clock.advance(Duration::from_secs(30));
    {
        let mut probe = pin!(circuit.call(Op::query("session"), pending::<Result<(), StoreError>>()));
        poll_fn(|context| {
            assert!(probe.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(circuit.snapshot().state, CircuitState::HalfOpen);
        assert!(matches!(ask(&circuit).await, Err(StoreError::CircuitOpen { .. })));
    }
    assert_eq!(circuit.snapshot().state, CircuitState::Open, "nobody has found out anything");
    ask(&circuit).await.unwrap();
    assert!(circuit.is_closed());
}

#[tokio::test]
async fn a_probe_that_panics_leaves_it_to_the_next() {
    let (circuit, clock) = open().await;
    clock.advance(Duration::from_secs(30));
    let probing = Arc::clone(&circuit);
    let panics = async move { probing.call(Op::query("session"), async { panic!("the store panics") }).await };
    let ended: Result<Result<(), StoreError>, _> = tokio::spawn(panics).await;
    assert!(ended.unwrap_err().is_panic());
    assert_eq!(circuit.snapshot().state, CircuitState::Open);
    ask(&circuit).await.unwrap();
}
