//! The sources of time and randomness. All code takes them from here; `clippy.toml` forbids the originals elsewhere.

use uuid::Uuid;

use crate::values::Timestamp;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time, in UTC.
    fn now(&self) -> Timestamp;
}

/// A source of new ids.
pub trait Ids: Send + Sync {
    /// Returns a new UUID v4.
    fn new_id(&self) -> Uuid;
}

/// The host's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Random ids from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the only place that makes random ids")]
    fn new_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}
