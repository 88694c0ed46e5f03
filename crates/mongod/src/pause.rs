//! Waiting for another process, whose state is polled.

use std::time::Duration;

/// Blocks the thread.
#[expect(clippy::disallowed_methods, reason = "the caller is told that this crate blocks its thread")]
pub(crate) fn pause(span: Duration) {
    std::thread::sleep(span);
}
