//! 5.2: the responses while the store is out of reach and the circuit is open, and after it is back.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekindle_core::StoreError;
use rekindle_layers::{CircuitBreaker, CircuitState, Failure, Layer, Layered, Op};
use rekindle_testkit::{ManualClock, MemoryStore};
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{Reply, Setup, TestServer};

/// A layer that blocks the reads of one session. The server's own calls succeed, and do not affect the circuit while it
/// is closed or open.
struct Outage {
    error: Mutex<StoreError>,
    on: AtomicBool,
    met: AtomicU32,
}

impl Layer for Outage {
    async fn call<T: Send, E: Failure>(&self, op: Op, call: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        if op == Op::query("session") && self.on.load(Ordering::SeqCst) {
            self.met.fetch_add(1, Ordering::SeqCst);
            let error = self.error.lock().unwrap().clone();
            return Err(error.into());
        }
        call.await
    }
}

/// A server with its layers and one session, whose store is about to fail.
struct Failing {
    server: TestServer,
    outage: Arc<Outage>,
    circuit: Arc<CircuitBreaker>,
    clock: Arc<ManualClock>,
    path: String,
}

impl Failing {
    async fn start() -> Self {
        let error = Mutex::new(StoreError::Unavailable("connection refused by 10.0.0.7:27017".to_owned()));
        let outage = Arc::new(Outage { error, on: AtomicBool::new(false), met: AtomicU32::new(0) });
        let clock = Arc::new(ManualClock::default());
        let broken = Layered::new(Arc::clone(&outage), Arc::new(MemoryStore::new()));
        let setup = Setup::new().set("DETECT_INTERVAL_MS", "600000").clock(&clock).store(Arc::new(broken));
        let server = setup.layered().start().await;
        let circuit = Arc::clone(server.context().handles.circuit.as_ref().unwrap());
        let path = format!("/api/sessions/{}", server.session("p", "m").await);
        outage.on.store(true, Ordering::SeqCst);
        Self { server, outage, circuit, clock, path }
    }

    async fn ask(&self) -> Reply {
        self.server.get(&self.path).await
    }

    fn met(&self) -> u32 {
        self.outage.met.load(Ordering::SeqCst)
    }

    /// Sends failing requests until the circuit is open.
    async fn open(&self) {
        for _ in 0..5 {
            assert_eq!(self.circuit.snapshot().state, CircuitState::Closed);
            let reply = self.ask().await;
            reply.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
            assert!(reply.text("message").contains("out of reach"), "{}", reply.text("message"));
            assert_eq!(reply.header("retry-after"), Some("1"));
        }
        assert_eq!(self.circuit.snapshot().state, CircuitState::Open);
    }
}

/// Asserts the response of an open circuit, with this `Retry-After`.
#[track_caller]
fn assert_circuit_open(reply: &Reply, seconds: &str) {
    reply.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    let message = reply.text("message");
    assert!(message.contains("the circuit to the store is open"), "{message}");
    assert!(message.contains(&format!("in {seconds} s")), "{message}");
    assert_eq!(reply.header("retry-after"), Some(seconds));
    assert!(!String::from_utf8_lossy(&reply.body).contains("10.0.0.7"), "causes are for the log");
}

#[tokio::test]
async fn test_5_2_b_a_missing_project_is_reported() {
    let server = TestServer::start().await;
    let reply = server.post("/api/sessions", json!({ "machine_id": "m" })).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["project_id"]);
    assert_eq!(reply.detail("project_id"), "is required");
    server.stop().await;
}

#[tokio::test]
async fn test_5_2_e_the_sixth_request_fails_because_the_circuit_is_open() {
    let failing = Failing::start().await;
    failing.open().await;
    let met = failing.met();
    assert!(met > 5, "reads are asked again while the circuit is closed");
    assert_circuit_open(&failing.ask().await, "30");
    failing.clock.advance(Duration::from_millis(9_001));
    assert_circuit_open(&failing.ask().await, "21");
    // The same for every endpoint, and the store is not called.
    assert_circuit_open(&failing.server.act(&format!("{}/heartbeat", failing.path)).await, "21");
    assert_circuit_open(&failing.server.get("/api/sessions").await, "21");
    assert_eq!(failing.met(), met);
    Reply::of(failing.server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    failing.server.stop().await;
}

#[tokio::test]
async fn test_5_2_e_readiness_reports_the_open_circuit() {
    let failing = Failing::start().await;
    failing.open().await;
    let ready = Reply::of(failing.server.bare(Method::GET, "/ready")).await;
    assert_circuit_open(&ready, "30");
    failing.server.stop().await;
}

#[tokio::test]
async fn test_5_2_e_after_30_s_the_circuit_closes_if_the_store_is_back() {
    let failing = Failing::start().await;
    failing.open().await;
    failing.outage.on.store(false, Ordering::SeqCst);
    failing.clock.advance(Duration::from_secs(29));
    assert_circuit_open(&failing.ask().await, "1");
    failing.clock.advance(Duration::from_secs(1));
    let back = async {
        // The server's own call may be the one that is let through; then others are rejected once more.
        while failing.ask().await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    assert_eq!(failing.circuit.snapshot().state, CircuitState::Closed);
    failing.server.stop().await;
}

#[tokio::test]
async fn a_readiness_check_closes_the_circuit_of_an_idle_server() {
    let failing = Failing::start().await;
    failing.open().await;
    failing.clock.advance(Duration::from_secs(30));
    let ready = async {
        while Reply::of(failing.server.bare(Method::GET, "/ready")).await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ready).await.unwrap();
    assert_eq!(failing.circuit.snapshot().state, CircuitState::Closed);
    failing.server.stop().await;
}

#[tokio::test]
async fn an_overloaded_store_does_not_open_the_circuit() {
    let failing = Failing::start().await;
    *failing.outage.error.lock().unwrap() = StoreError::Overloaded("10.0.0.7 has a long queue".to_owned());
    for _ in 0..10 {
        let reply = failing.ask().await;
        reply.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
        assert!(reply.text("message").contains("overloaded"), "{}", reply.text("message"));
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!(failing.met(), 10, "and it is not asked again");
    assert_eq!(failing.circuit.snapshot().state, CircuitState::Closed);
    failing.server.stop().await;
}
