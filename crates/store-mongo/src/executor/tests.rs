//! Callers wait until their time limit; a call that began runs to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_core::store::StoreError;
use tokio::sync::oneshot;

use super::{CallExecutor, MAX_ADMITTED, MAX_RUNNING};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_millis(50)
}

#[tokio::test]
async fn late_read_times_out_and_late_write_is_unknown() {
    let calls = CallExecutor::new(SHORT);
    let read = calls.read::<()>(soon(), std::future::pending()).await;
    assert!(matches!(read, Err(StoreError::TimedOut(_))), "{read:?}");
    let write = calls.write::<(), StoreError>(std::future::pending()).await;
    assert!(matches!(write, Err(StoreError::Unknown(_))), "{write:?}");
}

#[tokio::test]
async fn write_continues_after_its_caller_is_gone() {
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
    // The call is under way once its permit is taken.
    while calls.running.available_permits() == MAX_RUNNING {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    finished.await.unwrap();
}

#[tokio::test]
async fn close_waits_for_running_calls_and_rejects_new_ones() {
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
    while calls.running.available_permits() == MAX_RUNNING {
        tokio::task::yield_now().await;
    }
    let close = tokio::spawn({
        let calls = Arc::clone(&calls);
        async move { calls.close().await }
    });
    while calls.ensure_open().is_ok() {
        tokio::task::yield_now().await;
    }
    let rejected = calls.write::<(), StoreError>(async { Ok(()) }).await;
    assert!(matches!(rejected, Err(StoreError::Unavailable(_))), "{rejected:?}");
    assert!(!close.is_finished());
    go.send(()).unwrap();
    close.await.unwrap();
    assert!(written.load(Ordering::SeqCst));
    caller.await.unwrap().unwrap();
    let rejected = calls.read::<()>(soon(), async { Ok(()) }).await;
    assert!(matches!(rejected, Err(StoreError::Unavailable(_))), "{rejected:?}");
}

#[tokio::test]
async fn overloaded_store_rejects_before_sending() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let all = Arc::clone(&calls.admitted).try_acquire_many_owned(MAX_ADMITTED).unwrap();
    let rejected = calls.write::<(), StoreError>(async { Ok(()) }).await;
    assert!(matches!(rejected, Err(StoreError::Overloaded(_))), "{rejected:?}");
    drop(all);
    calls.write::<(), StoreError>(async { Ok(()) }).await.unwrap();
}

#[tokio::test]
async fn panicking_call_is_an_error_and_frees_its_permit() {
    let calls = CallExecutor::new(LONG);
    let ended = calls.write::<(), StoreError>(async { panic!("as a test wants it") }).await;
    assert!(matches!(ended, Err(StoreError::Unknown(_))), "{ended:?}");
    assert_eq!(calls.running.available_permits(), MAX_RUNNING);
}

#[tokio::test]
async fn only_close_waits_for_background_work() {
    let calls = Arc::new(CallExecutor::new(LONG));
    let (go, gate) = oneshot::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    calls.spawn_background({
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
    // After a close the work is dropped without being run.
    let (held, dropped) = oneshot::channel::<()>();
    calls.spawn_background(async move { drop(held) });
    dropped.await.unwrap_err();
}
