//! The `_id` of every document that this process makes: a UUIDv7 that is larger than all before it, so that rows of the
//! same millisecond are listed in the order in which they were recorded.

use std::sync::{Mutex, PoisonError};

use rekindle_core::clock::{Clock, SystemClock};
use uuid::{Builder, Uuid};

/// The random bits of a UUIDv7: twelve and sixty-two.
const TAIL_BITS: u32 = 74;

/// Makes ids in rising order.
#[derive(Debug, Default)]
pub(crate) struct OrderedIds(Mutex<Last>);

#[derive(Debug, Default, Clone, Copy)]
struct Last {
    millis: u64,
    tail: u128,
}

impl OrderedIds {
    /// Returns an id that is larger than all that were returned before.
    pub(crate) fn next(&self) -> Uuid {
        let now = u64::try_from(SystemClock.now().millis()).unwrap_or(0);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.after(now, fastrand::u128(..));
        last.uuid()
    }
}

impl Last {
    fn after(self, now: u64, random: u128) -> Self {
        // One bit stays zero, so that a millisecond has room for many ids.
        let fresh = |millis| Self { millis, tail: random >> (128 - TAIL_BITS + 1) };
        if now > self.millis {
            return fresh(now);
        }
        // The clock did not advance, or went back: the id grows by a small random step.
        let tail = self.tail + 1 + (random & 0xffff_ffff);
        if tail >> TAIL_BITS == 0 { Self { tail, ..self } } else { fresh(self.millis + 1) }
    }

    fn uuid(self) -> Uuid {
        // The builder keeps twelve and sixty-two of these eighty bits; the rest is version and variant.
        let spread = ((self.tail >> 62) << 64) | (self.tail & ((1 << 62) - 1));
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&spread.to_be_bytes()[6..]);
        Builder::from_unix_timestamp_millis(self.millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests;
