//! A bounded queue of log lines, and the thread that writes them. A disk that hangs or a reader that stops reading
//! blocks no caller; lines that do not fit are dropped and counted, and the number is logged.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::sink::Sink;

/// As many bytes may wait: some ten thousand lines.
const CAPACITY: usize = 8 << 20;
/// A buffer that a burst has made larger than this is not kept.
const KEPT: usize = 256 << 10;
/// The longest that the end of the process waits for its last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines that were lost, of all logs of this process.
pub(super) static LOST: AtomicU64 = AtomicU64::new(0);

/// See the top of the file.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the thread.
    wake: Condvar,
    /// The thread has done everything.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    lost: u64,
    reopen: bool,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread. It ends with the process.
    pub(super) fn start(mut outlet: Sink) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::new());
        let mine = Arc::clone(&queue);
        thread::Builder::new().name("rekindle-log".to_owned()).spawn(move || {
            let mut batch = Batch::default();
            loop {
                mine.take(&mut batch);
                outlet.write(&batch);
            }
        })?;
        Ok(queue)
    }

    fn new() -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), idle: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, or counts it.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        // One that is longer than the whole queue is still taken when there is nothing else.
        if !state.lines.is_empty() && state.lines.len() + line.len() > CAPACITY {
            state.lost += 1;
            LOST.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        drop(state);
        self.wake.notify_one();
    }

    /// Has the file opened anew.
    pub(super) fn reopen(&self) {
        self.state().reopen = true;
        self.wake.notify_one();
    }

    /// Waits until everything is written, but not for long.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        while state.has_work() || state.is_writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.idle.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives back the batch that was written, and waits for the next one.
    fn take(&self, batch: &mut Batch) {
        batch.lines.clear();
        batch.lines.shrink_to(KEPT);
        let mut state = self.state();
        state.is_writing = false;
        while !state.has_work() {
            self.idle.notify_all();
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        mem::swap(&mut state.lines, &mut batch.lines);
        batch.lost = mem::take(&mut state.lost);
        batch.reopen = mem::take(&mut state.reopen);
    }
}

impl State {
    fn has_work(&self) -> bool {
        !self.lines.is_empty() || self.lost > 0 || self.reopen
    }
}

#[cfg(test)]
mod tests;
