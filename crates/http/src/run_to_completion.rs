//! Runs a use case to its end: neither a disconnect of the client nor a time limit cancels it half-way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use rekindle_core::Error;
use rekindle_telemetry::traces;
use tokio::runtime::Handle;

use crate::error::ApiError;

/// Runs one use case under this name in traces. If the returned future is dropped, the use case continues in a task of its
/// own.
///
/// # Errors
/// Fails with the errors of the use case.
pub(crate) async fn run_to_completion<T, F>(name: &'static str, use_case: F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
    T: Send + 'static,
{
    Ok(RunToCompletion(Some(Box::pin(traces::use_case(name, use_case)))).await?)
}

/// A future that continues in a task of its own if it is dropped. Until then it needs no task.
struct RunToCompletion<F: Future<Output: Send + 'static> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send + 'static> + Send + 'static> Future for RunToCompletion<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // The future is taken out while it is polled: after a panic it must not be polled again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Drop for RunToCompletion<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
