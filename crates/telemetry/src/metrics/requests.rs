//! Requests: how many, how they ended, how long they took. Each series is made when it is first needed and found again
//! without a lock or an allocation: heartbeats pass here all the time.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram};

use super::endpoint::{Endpoint, Endpoints};
use super::names::{API_REQUESTS, HEARTBEAT_LATENCY, HEARTBEATS, HTTP_DURATION, HTTP_IN_FLIGHT};
use super::registry::Registry;

/// The methods that have a label; the last label is for all others, which clients choose.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The statuses that this API answers, or the framework before it.
const STATUSES: [u16; 24] = [
    200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413, 414, 415, 417, 422, 429, 431, 500, 501, 503,
    504,
];
const KINDS: [&str; 2] = ["session", "machine"];
const OUTCOMES: [&str; 3] = ["ok", "refused", "failed"];

/// See the top of the file.
pub(super) struct Requests {
    registry: Arc<Registry>,
    endpoints: Endpoints,
    /// Of each endpoint its methods.
    series: Box<[[OnceLock<Box<OfMethod>>; METHODS.len()]]>,
    in_flight: Gauge,
    heartbeat_latency: Histogram,
    heartbeats: [[Counter; OUTCOMES.len()]; KINDS.len()],
}

/// The series of one endpoint and method.
struct OfMethod {
    took: Histogram,
    answered: [OnceLock<Counter>; STATUSES.len()],
}

impl Requests {
    pub(super) fn new(registry: &Arc<Registry>, routes: impl IntoIterator<Item = &'static str>) -> Self {
        let endpoints = Endpoints::new(routes);
        let series = (0..endpoints.count()).map(|_| std::array::from_fn(|_| OnceLock::new())).collect();
        let heartbeats = KINDS.map(|kind| OUTCOMES.map(|outcome| registry.counter(&HEARTBEATS, &[kind, outcome])));
        Self {
            registry: Arc::clone(registry),
            endpoints,
            series,
            in_flight: registry.gauge(&HTTP_IN_FLIGHT, &[]),
            heartbeat_latency: registry.histogram(&HEARTBEAT_LATENCY, &[]),
            heartbeats,
        }
    }

    fn ended(&self, request: &RequestInFlight, status: u16) {
        let registry = &self.registry;
        let took = request.began.elapsed();
        let endpoint = self.endpoints.name(request.endpoint);
        let method = METHODS[request.method];
        let of_method = self.series[request.endpoint.place()][request.method].get_or_init(|| {
            let took = registry.histogram(&HTTP_DURATION, &[endpoint, method]);
            Box::new(OfMethod { took, answered: std::array::from_fn(|_| OnceLock::new()) })
        });
        of_method.took.record(took);
        let make = || registry.counter(&API_REQUESTS, &[endpoint, method, &status.to_string()]);
        match STATUSES.iter().position(|known| *known == status) {
            Some(place) => of_method.answered[place].get_or_init(make).increment(1),
            None => make().increment(1),
        }
        if let Some(kind) = kind_of_heartbeat(endpoint).filter(|_| method == "POST") {
            self.heartbeat(kind, status, took);
        }
    }

    fn heartbeat(&self, kind: usize, status: u16, took: Duration) {
        let outcome = match status {
            // These have not been read yet.
            401 | 403 | 429 => return self.heartbeats[kind][1].increment(1),
            200..=299 => 0,
            500.. => 2,
            _ => 1,
        };
        self.heartbeats[kind][outcome].increment(1);
        self.heartbeat_latency.record(took.as_secs_f64() * 1000.0);
    }
}

/// The place of its sender among [`KINDS`].
fn kind_of_heartbeat(endpoint: &str) -> Option<usize> {
    match endpoint {
        "/api/sessions/{id}/heartbeat" => Some(0),
        "/api/machines/{id}/heartbeat" => Some(1),
        _ => None,
    }
}

/// A request that has no answer yet. One that is dropped without an answer, since its client went away, is no longer in
/// flight, and counts nowhere else.
pub struct RequestInFlight {
    requests: Arc<Requests>,
    endpoint: Endpoint,
    method: usize,
    began: Instant,
}

impl RequestInFlight {
    /// A request of this method for this path, from now on.
    pub(super) fn begin(requests: &Arc<Requests>, method: &str, path: &str) -> Self {
        requests.in_flight.increment(1.0);
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let endpoint = requests.endpoints.of(path);
        Self { requests: Arc::clone(requests), endpoint, method, began: Instant::now() }
    }

    /// It was answered with this status.
    pub fn ended(self, status: u16) {
        self.requests.ended(&self, status);
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.requests.in_flight.decrement(1.0);
    }
}
