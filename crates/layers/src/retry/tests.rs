//! What is asked again, how often, and when no more. Time is tokio's, which passes by itself while all wait.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rekindle_core::StoreError;
use rekindle_testkit::ManualClock;
use tokio::time::{Instant, sleep};

use super::{Retry, RetryOptions};
use crate::{BreakerOptions, CircuitBreaker, Layer, Op};

fn gone() -> StoreError {
    StoreError::Unavailable("gone".to_owned())
}

/// Reads from a store that fails so often before it answers; answers how often it was asked, too.
async fn read(retry: &impl Layer, failures: u32, error: &StoreError) -> (Result<u32, StoreError>, u32) {
    let asked = AtomicU32::new(0);
    let ask = || async {
        let before = asked.fetch_add(1, Ordering::SeqCst);
        if before < failures { Err(error.clone()) } else { Ok(before) }
    };
    let answer = retry.read(Op::query("session"), ask).await;
    (answer, asked.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_read_is_asked_again_twice_after_short_pauses() {
    for _ in 0..50 {
        let retry = Retry::new(RetryOptions::default());
        let began = Instant::now();
        assert_eq!(read(&retry, 0, &gone()).await, (Ok(0), 1));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(read(&retry, 1, &gone()).await, (Ok(1), 2));
        assert_eq!(read(&retry, 2, &gone()).await, (Ok(2), 3));
        let began = Instant::now();
        assert_eq!(read(&retry, 3, &gone()).await, (Err(gone()), 3));
        // Tokio's clock goes in milliseconds, and rounds up.
        assert!(began.elapsed() <= Duration::from_millis(25 + 50 + 2), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_are_anything_up_to_their_longest() {
    let retry = Retry::new(RetryOptions::default());
    for (number, longest) in [(0, 25), (1, 50), (2, 100)] {
        let longest = Duration::from_millis(longest);
        let pauses: Vec<_> = (0..1000).map(|_| retry.pause(number)).collect();
        assert!(pauses.iter().all(|pause| *pause <= longest));
        assert!(pauses.iter().any(|pause| *pause < longest / 4) && pauses.iter().any(|pause| *pause > longest / 4 * 3));
    }
}

#[tokio::test(start_paused = true)]
async fn only_an_unavailable_store_is_asked_again() {
    let why = || "why".to_owned();
    let others = [
        StoreError::TimedOut(why()),
        StoreError::Overloaded(why()),
        StoreError::Corrupt(why()),
        StoreError::Unknown(why()),
        StoreError::CircuitOpen { retry_in: Duration::from_secs(1) },
    ];
    let retry = Retry::new(RetryOptions::default());
    for error in others {
        assert_eq!(read(&retry, 9, &error).await, (Err(error), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_read_is_never_asked_again() {
    let retry = Retry::new(RetryOptions::default());
    let began = Instant::now();
    let answer = retry.call(Op::COMMIT, async { Err::<(), _>(gone()) }).await;
    assert_eq!((answer, began.elapsed()), (Err(gone()), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_one_retry_for_ten_reads() {
    let retry = Retry::new(RetryOptions::default());
    let (mut asked, reads) = (0, 1000);
    for _ in 0..reads {
        asked += read(&retry, u32::MAX, &gone()).await.1;
    }
    assert!((reads + reads / 10..=reads + reads / 10 + 10).contains(&asked), "{asked}");
    // When it is over, the budget fills up again, and no further.
    for _ in 0..1000 {
        assert_eq!(read(&retry, 0, &gone()).await.1, 1);
    }
    let mut asked = 0;
    for _ in 0..10 {
        asked += read(&retry, u32::MAX, &gone()).await.1;
    }
    assert!((20..=21).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_took_long_is_the_only_one() {
    let retry = Retry::new(RetryOptions::default());
    let asked = AtomicU32::new(0);
    let slow = || async {
        asked.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_secs(5)).await;
        Err::<(), _>(gone())
    };
    assert_eq!(retry.read(Op::query("counts"), slow).await, Err(gone()));
    assert_eq!(asked.into_inner(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_cut_off_when_the_time_is_over() {
    let retry = Retry::new(RetryOptions::default());
    let asked = AtomicU32::new(0);
    let hangs =
        || async { if asked.fetch_add(1, Ordering::SeqCst) == 0 { Err::<(), _>(gone()) } else { pending().await } };
    let began = Instant::now();
    assert_eq!(retry.read(Op::query("counts"), hangs).await, Err(gone()), "the error of the attempt that had one");
    assert!(began.elapsed() <= Duration::from_millis(1002), "{:?}", began.elapsed());
    assert_eq!(asked.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_the_circuit_is_not_closed_nothing_is_asked_again() {
    let clock = Arc::new(ManualClock::default());
    let circuit = Arc::new(CircuitBreaker::new(BreakerOptions::default(), Arc::clone(&clock) as _));
    let plenty = RetryOptions { burst: 100, ..RetryOptions::default() };
    let layers = (Arc::clone(&circuit), Retry::new(plenty).unless_open(Arc::clone(&circuit)));
    // While it is closed, each of these is asked three times and counts once.
    for _ in 0..5 {
        assert!(circuit.is_closed());
        assert_eq!(read(&layers, u32::MAX, &gone()).await, (Err(gone()), 3));
    }
    assert!(!circuit.is_closed());
    assert_eq!(read(&layers, u32::MAX, &gone()).await.1, 0);
    clock.advance(Duration::from_secs(30));
    let began = Instant::now();
    assert_eq!(read(&layers, u32::MAX, &gone()).await, (Err(gone()), 1), "the one that finds out is asked once");
    assert_eq!(began.elapsed(), Duration::ZERO, "and others do not wait for a retry that will not be");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_when_the_circuit_opens_is_not_asked_again() {
    let clock = Arc::new(ManualClock::default());
    let circuit = Arc::new(CircuitBreaker::new(BreakerOptions { failures: 1, ..BreakerOptions::default() }, clock));
    let retry = Retry::new(RetryOptions::default()).unless_open(Arc::clone(&circuit));
    // The read fails first and pauses; while it does, another call opens the circuit.
    let another = circuit.call(Op::BEAT, async { Err::<(), _>(gone()) });
    let error = gone();
    let ((answer, asked), _) = tokio::join!(biased; read(&retry, u32::MAX, &error), another);
    assert!(!circuit.is_closed());
    assert_eq!((answer, asked), (Err(gone()), 1));
}
