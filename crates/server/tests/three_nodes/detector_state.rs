//! How requests went over time, server by server: from when on after a fault everything was answered again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long no request may fail before it counts as over.
const CALM: Duration = Duration::from_secs(3);

/// One request's fate.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    began: Instant,
    took: Duration,
    /// Whether it was answered as if nothing were wrong.
    served: bool,
}

/// The requests to two servers.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<[Mutex<Vec<Outcome>>; 2]>);

/// How a server got over a fault; times are from the fault on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    /// The answer to the first request that began after the fault and was served.
    pub first: Duration,
    /// The first served answer after which no request that began was not served.
    pub steady: Duration,
    /// How many requests were not served, of those that began or ended after the fault.
    pub failed: usize,
    /// The longest that one of them took, served or not.
    pub longest: Duration,
}

impl Watch {
    pub(crate) fn note(&self, server: usize, began: Instant, served: bool) {
        let outcome = Outcome { began, took: began.elapsed(), served };
        self.0[server].lock().unwrap().push(outcome);
    }

    /// How many requests that began since then were served by each server; of the server with fewer.
    pub(crate) fn served_since(&self, since: Instant) -> usize {
        let served = |outcomes: &Mutex<Vec<Outcome>>| {
            let outcomes = outcomes.lock().unwrap();
            outcomes.iter().filter(|outcome| outcome.served && outcome.began >= since).count()
        };
        self.0.iter().map(served).min().unwrap_or_default()
    }

    /// Whether since a fault no request has failed for a while on either server, while some were served.
    pub(crate) fn is_calm(&self, fault: Instant) -> bool {
        let Some(since) = Instant::now().checked_sub(CALM).filter(|since| *since >= fault) else { return false };
        let disturbed = self.0.iter().any(|outcomes| {
            let outcomes = outcomes.lock().unwrap();
            outcomes.iter().any(|outcome| !outcome.served && outcome.began + outcome.took >= since)
        });
        !disturbed && self.served_since(since) >= 20
    }

    /// How a server got over a fault, if it did.
    pub(crate) fn over(&self, server: usize, fault: Instant) -> Option<Over> {
        let outcomes = self.0[server].lock().unwrap();
        let touched: Vec<_> = outcomes.iter().filter(|outcome| outcome.began + outcome.took >= fault).collect();
        let first_after = |since: Instant| {
            let served = touched.iter().filter(|outcome| outcome.served && outcome.began >= since);
            served.map(|outcome| outcome.began + outcome.took - fault).min()
        };
        let failed: Vec<_> = touched.iter().filter(|outcome| !outcome.served).collect();
        let last = failed.iter().map(|outcome| outcome.began).max().unwrap_or(fault).max(fault);
        Some(Over {
            first: first_after(fault)?,
            steady: first_after(last)?,
            failed: failed.len(),
            longest: touched.iter().map(|outcome| outcome.took).max()?,
        })
    }
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, steady, failed, longest } = self;
        write!(f, "first success after {first:.1?}, steady after {steady:.1?}, {failed} failed, longest {longest:.1?}")
    }
}
