//! The results of requests over time, for each server: when all requests were served again after a fault.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long no request may fail until the fault counts as over.
const CALM: Duration = Duration::from_secs(3);

/// The result of one request.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    began: Instant,
    took: Duration,
    /// Whether the response was that of a healthy server.
    served: bool,
}

/// The requests to two servers.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<[Mutex<Vec<Outcome>>; 2]>);

/// How a server recovered from a fault. Times are measured from the fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    /// When the first request that began after the fault was served.
    pub first: Duration,
    /// When the first request was served after which every later request was served, too.
    pub steady: Duration,
    /// The number of requests that were not served, of those that began or ended after the fault.
    pub failed: usize,
    /// The longest time that one of them took, served or not.
    pub longest: Duration,
}

impl Watch {
    pub(crate) fn note(&self, server: usize, began: Instant, served: bool) {
        let outcome = Outcome { began, took: began.elapsed(), served };
        self.0[server].lock().unwrap().push(outcome);
    }

    /// Returns how many requests that began since then were served, of the server with fewer.
    pub(crate) fn served_since(&self, since: Instant) -> usize {
        let served = |outcomes: &Mutex<Vec<Outcome>>| {
            let outcomes = outcomes.lock().unwrap();
            outcomes.iter().filter(|outcome| outcome.served && outcome.began >= since).count()
        };
        self.0.iter().map(served).min().unwrap_or_default()
    }

    /// Whether no request has failed for a while since a fault on either server, while some were served.
    pub(crate) fn is_calm(&self, fault: Instant) -> bool {
        let Some(since) = Instant::now().checked_sub(CALM).filter(|since| *since >= fault) else { return false };
        let disturbed = self.0.iter().any(|outcomes| {
            let outcomes = outcomes.lock().unwrap();
            outcomes.iter().any(|outcome| !outcome.served && outcome.began + outcome.took >= since)
        });
        !disturbed && self.served_since(since) >= 20
    }

    /// Returns how a server recovered from a fault, if it did.
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
