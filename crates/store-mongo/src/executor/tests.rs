//! Callers wait for so long and no longer; what was begun goes on to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_core::store::StoreError;
use tokio::sync::oneshot;

use super::{AT_ONCE, CallExecutor};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_millis(50)
}

#[tokio::test]
async fn a_read_past_its_time_is_timed_out_and_a_write_unknown() {
    let calls = CallExecutor::new(SHORT);
    let read = calls.read::<()>(soon(), std::future::pending()).await;
    assert!(matches!(read, Err(StoreError::TimedOut(_))), "{read:?}");
    let write = calls.write::<(), StoreError>(std::future::pending()).await;
    assert!(matches!(write, Err(StoreError::Unknown(_))), "{write:?}");
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_has_gone() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let (go, gate) = oneshot::channel::<()>();
    let (done, finished) = oneshot::channel::<()>();
    let caller = tokio::spawn({
        let calls = Arc::clone(&calls);
        async move {
            calls
                .write::<(), StoreError>(async move {
                    gate.await.unwrap();
                    done.send(()).unwrap();
                    Ok(())
                })
                .await
        }
    });
    // The call is under way once its place is taken.
    while calls.at_once.available_permits() == AT_ONCE {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    finished.await.unwrap();
}

#[tokio::test]
async fn a_close_waits_for_what_was_begun_and_refuses_the_rest() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let (go, gate) = oneshot::channel::<()>();
    let written = Arc::new(AtomicBool::new(false));
    let caller = tokio::spawn({
        let (calls, written) = (Arc::clone(&calls), Arc::clone(&written));
        async move {
            calls
                .write::<(), StoreError>(async move {
                    gate.await.unwrap();
                    written.store(true, Ordering::SeqCst);
                    Ok(())
                })
                .await
        }
    });
    while calls.at_once.available_permits() == AT_ONCE {
        tokio::task::yield_now().await;
    }
    let close = tokio::spawn({
        let calls = Arc::clone(&calls);
        async move { calls.close().await }
    });
    while calls.open().is_ok() {
        tokio::task::yield_now().await;
    }
    let refused = calls.write::<(), StoreError>(async { Ok(()) }).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(!close.is_finished());
    go.send(()).unwrap();
    close.await.unwrap();
    assert!(written.load(Ordering::SeqCst));
    caller.await.unwrap().unwrap();
    let refused = calls.read::<()>(soon(), async { Ok(()) }).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_full_house_refuses_before_anything_was_sent() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let all = Arc::clone(&calls.admitted).try_acquire_many_owned(super::ADMITTED).unwrap();
    let refused = calls.write::<(), StoreError>(async { Ok(()) }).await;
    assert!(matches!(refused, Err(StoreError::Overloaded(_))), "{refused:?}");
    drop(all);
    calls.write::<(), StoreError>(async { Ok(()) }).await.unwrap();
}

#[tokio::test]
async fn a_call_that_panics_is_an_error_and_frees_its_place() {
    let calls = CallExecutor::new(LONG);
    let lost = calls.write::<(), StoreError>(async { panic!("as a test wants it") }).await;
    assert!(matches!(lost, Err(StoreError::Unknown(_))), "{lost:?}");
    assert_eq!(calls.at_once.available_permits(), AT_ONCE);
}

#[tokio::test]
async fn what_runs_beside_is_waited_for_by_a_close_only() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let (go, gate) = oneshot::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    calls.beside({
        let done = Arc::clone(&done);
        async move {
            gate.await.unwrap();
            done.store(true, Ordering::SeqCst);
        }
    });
    calls.write::<(), StoreError>(async { Ok(()) }).await.unwrap();
    let close = calls.close();
    tokio::pin!(close);
    assert!(futures_util::poll!(&mut close).is_pending());
    go.send(()).unwrap();
    close.await;
    assert!(done.load(Ordering::SeqCst));
    // Dropped unrun: what it holds is let go.
    let (held, dropped) = oneshot::channel::<()>();
    calls.beside(async move { drop(held) });
    dropped.await.unwrap_err();
}
