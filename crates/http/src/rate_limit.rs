//! Rate limits: fixed windows of one minute, counted per API key, and for wrong keys per client address.
//!
//! `FixedWindowCounter` is told the time and knows no clock. Each request costs the same however many windows there are, and
//! there are never more than `MOST_WINDOWS` of a kind.

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
/// As many windows are kept at most: a few megabytes, whoever asks.
const MOST_WINDOWS: usize = 65_536;
/// Of the windows that are over, as many go for each one that begins: more than one, so that they do go.
const SWEPT_AT_ONCE: usize = 2;

/// How many requests a minute are answered. 0 is no limit; the default is none at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Per API key.
    pub per_minute: u32,
    /// Heartbeats per API key. Without it they count as all requests do.
    pub heartbeats_per_minute: Option<u32>,
    /// Refused keys per client address; after that wrong keys are answered with 429.
    pub auth_failures_per_minute: u32,
}

/// Where somebody stands in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    /// As many requests are answered in a window.
    pub(crate) limit: u32,
    /// As many of them are left.
    pub(crate) remaining: u32,
    ends: Timestamp,
}

impl RateLimitStatus {
    /// When the window is over: in Unix seconds, and not before it is.
    pub(crate) fn reset(self) -> i64 {
        let millis = self.ends.millis();
        millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)
    }

    /// In how many whole seconds the window will be over; at least one.
    fn retry_after(self, now: Timestamp) -> u32 {
        let left = self.ends.since(now).as_millis().div_ceil(1000);
        u32::try_from(left).unwrap_or(u32::MAX).max(1)
    }

    /// 429, with the time to wait. `what` there was too much of.
    fn refusal(self, what: &str, now: Timestamp) -> ApiError {
        let (limit, seconds) = (self.limit, self.retry_after(now));
        let message = format!("more than {limit} {what} within a minute; try again in {seconds} s");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message);
        ApiError { header: ErrorHeader::RetryAfter(seconds), ..error }
    }
}

struct Window {
    began: Timestamp,
    count: u32,
}

/// Whether a window that began then is still open. One from the future is not: the clock was set back since.
fn is_open(began: Timestamp, now: Timestamp) -> bool {
    began <= now && now < began.plus(MINUTE)
}

/// Counts per key, each from its first request on.
struct FixedWindowCounter<K> {
    limit: u32,
    most: usize,
    open: HashMap<K, Window>,
    /// In the order in which they began, so that those that are over are found without a search. A key that began anew
    /// is here twice until its first entry goes.
    begun: VecDeque<(K, Timestamp)>,
}

impl<K: Copy + Eq + Hash> FixedWindowCounter<K> {
    fn new(limit: u32, most: usize) -> Self {
        Self { limit, most, open: HashMap::new(), begun: VecDeque::new() }
    }

    /// Counts one, unless it is too many.
    ///
    /// # Errors
    /// It is too many, and was not counted.
    fn count(&mut self, key: K, now: Timestamp) -> Result<RateLimitStatus, RateLimitStatus> {
        let limit = self.limit;
        let standing = |window: &Window| RateLimitStatus {
            limit,
            remaining: limit.saturating_sub(window.count),
            ends: window.began.plus(MINUTE),
        };
        if let Some(window) = self.open.get_mut(&key)
            && is_open(window.began, now)
        {
            if window.count >= limit {
                return Err(standing(window));
            }
            window.count += 1;
            return Ok(standing(window));
        }
        self.make_room(now);
        let window = Window { began: now, count: 1 };
        let first = standing(&window);
        self.open.insert(key, window);
        self.begun.push_back((key, now));
        Ok(first)
    }

    fn make_room(&mut self, now: Timestamp) {
        for _ in 0..SWEPT_AT_ONCE {
            let is_full = self.begun.len() >= self.most;
            let Some((key, began)) = self.begun.pop_front_if(|(_, began)| is_full || !is_open(*began, now)) else {
                return;
            };
            if self.open.get(&key).is_some_and(|window| window.began == began) {
                self.open.remove(&key);
            }
        }
    }
}

type Shared<K> = Option<Mutex<FixedWindowCounter<K>>>;

fn shared<K: Copy + Eq + Hash>(limit: u32) -> Shared<K> {
    (limit > 0).then(|| Mutex::new(FixedWindowCounter::new(limit, MOST_WINDOWS)))
}

/// Nothing that is done under this lock can panic half-way, and it is held for a look-up.
fn locked<K>(windows: &Mutex<FixedWindowCounter<K>>) -> MutexGuard<'_, FixedWindowCounter<K>> {
    windows.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All the windows of one process.
pub(crate) struct RateLimiter {
    requests: Shared<Uuid>,
    heartbeats: Heartbeats,
    failures: Shared<IpAddr>,
}

enum Heartbeats {
    LikeTheRest,
    Apart(Shared<Uuid>),
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let apart = |limit| Heartbeats::Apart(shared(limit));
        Self {
            requests: shared(limits.per_minute),
            heartbeats: limits.heartbeats_per_minute.map_or(Heartbeats::LikeTheRest, apart),
            failures: shared(limits.auth_failures_per_minute),
        }
    }

    /// Counts a request of a key that was let in, and says where that key stands, if it is counted at all.
    ///
    /// # Errors
    /// 429, and where the key stands.
    pub(crate) fn request(
        &self,
        key: Uuid,
        is_heartbeat: bool,
        now: Timestamp,
    ) -> Result<Option<RateLimitStatus>, (ApiError, RateLimitStatus)> {
        let (windows, what) = match &self.heartbeats {
            Heartbeats::Apart(windows) if is_heartbeat => (windows, "heartbeats with this API key"),
            Heartbeats::Apart(_) | Heartbeats::LikeTheRest => (&self.requests, "requests with this API key"),
        };
        let Some(windows) = windows else { return Ok(None) };
        let counted = locked(windows).count(key, now);
        counted.map(Some).map_err(|standing| (standing.refusal(what, now), standing))
    }

    /// Counts a key that was refused.
    ///
    /// # Errors
    /// 429: too many were.
    pub(crate) fn failure(&self, from: Option<IpAddr>, now: Timestamp) -> Result<(), ApiError> {
        let Some(windows) = &self.failures else { return Ok(()) };
        let from = from.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        let counted = locked(windows).count(from, now);
        counted
            .map(drop)
            .map_err(|standing| standing.refusal("requests without a valid API key from this address", now))
    }
}

/// Whom an address stands for: with IPv6 a single host may use all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Whether a request is a heartbeat, of a session or of a machine.
pub(crate) fn is_heartbeat(path: &str) -> bool {
    let path = path.strip_prefix("/api/sessions/").or_else(|| path.strip_prefix("/api/machines/"));
    path.and_then(|rest| rest.split_once('/')).is_some_and(|(id, rest)| !id.is_empty() && rest == "heartbeat")
}

#[cfg(test)]
mod tests;
