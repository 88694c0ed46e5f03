//! The store's threads, and how their end is awaited without blocking a runtime.

use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::sync::{Mutex, oneshot};

/// A thread that has been started.
#[derive(Debug)]
pub(crate) struct Thread {
    handle: JoinHandle<()>,
    /// Closes when the thread ends, in whichever way.
    ended: oneshot::Receiver<()>,
}

/// Starts a thread.
///
/// # Errors
/// Fails when the system has none to give.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    let (ending, ended) = oneshot::channel::<()>();
    let handle = Builder::new().name(name.to_owned()).spawn(move || {
        let _ending = ending;
        work();
    })?;
    Ok(Thread { handle, ended })
}

impl Thread {
    /// Waits until it has ended. Blocks.
    pub(crate) fn join(self) {
        // A panic has been reported by the thread itself.
        drop(self.handle.join());
    }
}

/// Threads that end together.
#[derive(Debug)]
pub(crate) struct Threads(Mutex<Vec<Thread>>);

impl Threads {
    pub(crate) fn new(threads: Vec<Thread>) -> Self {
        Self(Mutex::new(threads))
    }

    /// Waits until all have ended. Several callers may wait at the same time, and each may give up.
    pub(crate) async fn ended(&self) {
        let mut threads = self.0.lock().await;
        while let Some(thread) = threads.last_mut() {
            // An error is what it waits for: the other end was dropped.
            let _ = (&mut thread.ended).await;
            if let Some(thread) = threads.pop() {
                thread.join();
            }
        }
    }
}
