//! Rate limits: fixed windows of one minute, counted per API key, and for wrong keys per client address.
//!
//! `FixedWindowCounter` takes the time as a parameter. The cost of a request does not depend on the number of windows,
//! of which each counter keeps at most `MOST_WINDOWS`.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use rekindle_core::Timestamp;
use uuid::Uuid;

use crate::error::{ApiError, ErrorHeader};
use rekindle_api::ErrorCode;

const MINUTE: Duration = Duration::from_secs(60);
/// The most windows that a counter keeps; they take a few megabytes.
const MOST_WINDOWS: usize = 65_536;
/// The number of expired windows that a new one removes. More than one, so that their number falls.
const EVICTED_PER_WINDOW: usize = 2;

/// The requests allowed per minute. 0 is no limit; the default is no limit at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests per API key.
    pub per_minute: u32,
    /// Heartbeats per API key. If None, they count as requests.
    pub heartbeats_per_minute: Option<u32>,
    /// Refused keys per client address. Above it, wrong keys get 429.
    pub auth_failures_per_minute: u32,
}

/// The state of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    /// The number of requests allowed in a window.
    pub(crate) limit: u32,
    /// The number of requests that remain in this window.
    pub(crate) remaining: u32,
    ends: Timestamp,
}

impl RateLimitStatus {
    /// Returns the end of the window in Unix seconds, rounded up.
    pub(crate) fn reset(self) -> i64 {
        let millis = self.ends.millis();
        millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)
    }

    /// Returns the seconds until the end of the window, rounded up; at least 1.
    fn retry_after(self, now: Timestamp) -> u32 {
        let left = self.ends.since(now).as_millis().div_ceil(1000);
        u32::try_from(left).unwrap_or(u32::MAX).max(1)
    }

    /// Returns a 429 with the time to wait. `what` names what was limited.
    fn error(self, what: &str, now: Timestamp) -> ApiError {
        let (limit, seconds) = (self.limit, self.retry_after(now));
        let message = format!("more than {limit} {what} within a minute; try again in {seconds} s");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message);
        ApiError { header: ErrorHeader::RetryAfter(seconds), ..error }
    }
}

struct Window {
    started: Timestamp,
    count: u32,
}

/// Whether a window that started at this time is still open. One that begins in the future is not: the clock was set
/// back.
fn is_open(started: Timestamp, now: Timestamp) -> bool {
    started <= now && now < started.plus(MINUTE)
}

/// Counts per key; the window of a key begins with its first request.
struct FixedWindowCounter<K> {
    limit: u32,
    max_windows: usize,
    open: HashMap<K, Window>,
    /// Keys in the order in which their windows started, so that expired windows are found without a search. A key whose
    /// window started anew occurs twice until its first entry is removed.
    started: VecDeque<(K, Timestamp)>,
}

impl<K: Copy + Eq + Hash> FixedWindowCounter<K> {
    fn new(limit: u32, max_windows: usize) -> Self {
        Self { limit, max_windows, open: HashMap::new(), started: VecDeque::new() }
    }

    /// Counts one request, if the limit allows it.
    ///
    /// # Errors
    /// Fails if the limit is reached; the request is not counted.
    fn count(&mut self, key: K, now: Timestamp) -> Result<RateLimitStatus, RateLimitStatus> {
        let limit = self.limit;
        let status = |window: &Window| RateLimitStatus {
            limit,
            remaining: limit.saturating_sub(window.count),
            ends: window.started.plus(MINUTE),
        };
        if let Some(window) = self.open.get_mut(&key)
            && is_open(window.started, now)
        {
            if window.count >= limit {
                return Err(status(window));
            }
            window.count += 1;
            return Ok(status(window));
        }
        self.make_room(now);
        let window = Window { started: now, count: 1 };
        let first = status(&window);
        self.open.insert(key, window);
        self.started.push_back((key, now));
        Ok(first)
    }

    fn make_room(&mut self, now: Timestamp) {
        for _ in 0..EVICTED_PER_WINDOW {
            let is_full = self.started.len() >= self.max_windows;
            let Some((key, started)) = self.started.pop_front_if(|(_, started)| is_full || !is_open(*started, now))
            else {
                return;
            };
            if self.open.get(&key).is_some_and(|window| window.started == started) {
                self.open.remove(&key);
            }
        }
    }
}

type SharedCounter<K> = Option<Mutex<FixedWindowCounter<K>>>;

fn shared_counter<K: Copy + Eq + Hash>(limit: u32) -> SharedCounter<K> {
    (limit > 0).then(|| Mutex::new(FixedWindowCounter::new(limit, MOST_WINDOWS)))
}

/// Locks the counter. A poisoned lock is usable, because no operation under it can panic half-way.
fn lock<K>(counter: &Mutex<FixedWindowCounter<K>>) -> MutexGuard<'_, FixedWindowCounter<K>> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counters of one process.
pub(crate) struct RateLimiter {
    requests: SharedCounter<Uuid>,
    heartbeats: Heartbeats,
    auth_failures: SharedCounter<IpAddr>,
}

enum Heartbeats {
    AsRequests,
    Separate(SharedCounter<Uuid>),
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let separate = |limit| Heartbeats::Separate(shared_counter(limit));
        Self {
            requests: shared_counter(limits.per_minute),
            heartbeats: limits.heartbeats_per_minute.map_or(Heartbeats::AsRequests, separate),
            auth_failures: shared_counter(limits.auth_failures_per_minute),
        }
    }

    /// Counts a request with a valid key. Returns the state of its window; None without a limit.
    ///
    /// # Errors
    /// Fails with 429 and the state of the window.
    pub(crate) fn count_request(
        &self,
        key: Uuid,
        is_heartbeat: bool,
        now: Timestamp,
    ) -> Result<Option<RateLimitStatus>, (ApiError, RateLimitStatus)> {
        let (counter, what) = match &self.heartbeats {
            Heartbeats::Separate(counter) if is_heartbeat => (counter, "heartbeats with this API key"),
            Heartbeats::Separate(_) | Heartbeats::AsRequests => (&self.requests, "requests with this API key"),
        };
        let Some(counter) = counter else { return Ok(None) };
        let counted = lock(counter).count(key, now);
        counted.map(Some).map_err(|status| (status.error(what, now), status))
    }

    /// Counts a refused key.
    ///
    /// # Errors
    /// Fails with 429 if the limit is reached.
    pub(crate) fn count_auth_failure(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), ApiError> {
        let Some(counter) = &self.auth_failures else { return Ok(()) };
        let from = from.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        let counted = lock(counter).count(from, now);
        counted.map(drop).map_err(|status| status.error("requests without a valid API key from this address", now))
    }
}

/// Returns the network that is counted for an address: with IPv6 a single host may use all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Whether a request is a heartbeat of a session or a machine. `path` is the request's path.
pub(crate) fn is_heartbeat(path: &str) -> bool {
    let path = path.strip_prefix("/api/sessions/").or_else(|| path.strip_prefix("/api/machines/"));
    path.and_then(|rest| rest.split_once('/')).is_some_and(|(id, rest)| !id.is_empty() && rest == "heartbeat")
}

#[cfg(test)]
mod tests;
