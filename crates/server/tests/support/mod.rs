//! A server in this process that listens on a real port, on SQLite in a folder of its own, and a client for it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is test code: a failed expectation is its way to report")]
#![expect(dead_code, reason = "each test file uses its own part of this, and none all of it")]

pub(crate) mod exposition;
pub(crate) mod logged;
pub(crate) mod process;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rekindle_core::{Clock, SessionId, Store, SystemClock, Tracker};
use rekindle_server::settings::Settings;
use rekindle_server::{RunningServer, ServerBuilder};
use rekindle_settings::Environment;
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::ManualClock;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The API key that every test server accepts.
pub(crate) const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

/// The configuration of a test server.
pub(crate) struct Setup {
    environment: Environment,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn Store>>,
    layered: bool,
}

impl Setup {
    /// Returns the defaults: a free port, frequent detection passes, and no rate limit.
    pub(crate) fn new() -> Self {
        let pairs = [
            ("STORE_URL", "sqlite::memory:"),
            ("API_KEYS", KEY),
            ("PORT", "0"),
            ("DETECT_INTERVAL_MS", "50"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
        ];
        Self { environment: pairs.into_iter().collect(), clock: Arc::new(SystemClock), store: None, layered: false }
    }

    /// Sets a setting.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.with(name, value);
        self
    }

    /// Uses a manual clock. See [`TestServer::let_pass`].
    pub(crate) fn clock(mut self, clock: &Arc<ManualClock>) -> Self {
        self.clock = Arc::clone(clock) as Arc<dyn Clock>;
        self
    }

    /// Uses this store instead of SQLite.
    pub(crate) fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Uses the layers round the store that a real server has.
    pub(crate) fn layered(mut self) -> Self {
        self.layered = true;
        self
    }

    /// Starts the server.
    pub(crate) async fn start(self) -> TestServer {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = Settings::read(&self.environment).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = self.store.unwrap_or_else(|| {
            let location = Location::File(folder.path().join("rekindle.db"));
            Arc::new(SqliteStore::open(SqliteOptions::at(location)).unwrap())
        });
        let server = ServerBuilder::new(&settings).store(store).clock(self.clock);
        let server = if self.layered { server } else { server.without_layers() };
        let running = server.start().await.unwrap();
        let tracker = running.state().tracker.clone();
        let url = format!("http://{}", running.address());
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        TestServer { url, client, tracker, running: Some(running), folder }
    }
}

/// A server, and a client for it.
pub(crate) struct TestServer {
    pub url: String,
    pub client: Client,
    /// The use cases of the server, for what HTTP does not offer.
    pub tracker: Tracker,
    running: Option<RunningServer>,
    pub folder: TempDir,
}

impl TestServer {
    /// Starts a server with the defaults of [`Setup`].
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    /// Returns the state of the server's HTTP API.
    pub(crate) fn context(&self) -> &rekindle_http::AppState {
        self.running.as_ref().unwrap().state()
    }

    /// Takes the running server out, for a test that stops it itself.
    pub(crate) fn take(&mut self) -> RunningServer {
        self.running.take().unwrap()
    }

    /// Shuts the server down in good order.
    pub(crate) async fn stop(mut self) {
        self.take().stop().await;
    }

    /// Returns a request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Returns a request with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("X-API-Key", KEY)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(&body)).await
    }

    /// Sends a POST without a body.
    pub(crate) async fn act(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::POST, path)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::PUT, path).json(&body)).await
    }

    /// Creates a session and returns its id.
    pub(crate) async fn session(&self, project: &str, machine: &str) -> String {
        let reply = self.post("/api/sessions", json!({ "project_id": project, "machine_id": machine })).await;
        reply.expect(StatusCode::CREATED).text("session_id")
    }

    /// Creates a task and returns its id.
    pub(crate) async fn task(&self, session: &str, project: &str, name: &str) -> String {
        let body = json!({ "session_id": session, "project_id": project, "task_name": name });
        self.post("/api/tasks", body).await.expect(StatusCode::CREATED).text("task_id")
    }

    /// Changes a task's status. A failed one gets an error message.
    pub(crate) async fn set_task(&self, task: &str, status: &str) -> Reply {
        let body = match status {
            "failed" => json!({ "status": status, "error_message": "it broke" }),
            _ => json!({ "status": status }),
        };
        self.patch(&format!("/api/tasks/{task}"), body).await.expect(StatusCode::OK)
    }

    /// Advances the manual clock in small steps, with detection passes in between. One large step would count as a gap,
    /// in which silence does not count.
    pub(crate) async fn let_pass(&self, clock: &ManualClock, span: Duration) {
        let step = self.tracker.policy().detect_interval.max(Duration::from_millis(50));
        let mut left = span;
        while !left.is_zero() {
            let now = step.min(left);
            clock.advance(now);
            self.tracker.detect().await.unwrap();
            left -= now;
        }
    }

    /// Returns the session's status.
    pub(crate) async fn status(&self, session: &str) -> String {
        self.get(&format!("/api/sessions/{session}")).await.expect(StatusCode::OK).text("status")
    }
}

/// A response, with its whole body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Sends a request and reads the response. Panics if the OpenAPI document does not have this status.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let target = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        documented(&target.0, &target.1, status);
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Asserts this status. Otherwise panics with the whole response.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Returns a field of the body.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Value {
        self.json()[name].clone()
    }

    /// Returns a field of the body that is a string.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        self.field(name).as_str().unwrap_or_else(|| panic!("{name} of {}", self.json())).to_owned()
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Asserts the shape of all errors with this status and code. Returns the names of its details.
    #[track_caller]
    pub(crate) fn error(&self, status: StatusCode, code: &str) -> Vec<String> {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        let body = self.json();
        let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = ["statusCode", "error", "message", "timestamp", "path", "request_id", "code", "details"];
        let mut found = names;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(body["statusCode"], status.as_u16());
        assert_eq!(body["error"], status.canonical_reason().unwrap());
        assert_eq!(body["code"], code, "{body}");
        assert!(body["timestamp"].as_str().unwrap().parse::<rekindle_core::Timestamp>().is_ok());
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
        assert_eq!(self.header("content-type"), Some("application/json"));
        let details = body["details"].as_array().unwrap();
        details.iter().map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the message of a detail of an error.
    #[track_caller]
    pub(crate) fn detail(&self, field: &str) -> String {
        let details = self.field("details");
        let found = details.as_array().unwrap().iter().find(|detail| detail["field"] == field);
        found.unwrap_or_else(|| panic!("{field} in {details}"))["message"].as_str().unwrap().to_owned()
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&rekindle_http::openapi_json()).unwrap());

/// Asserts that the OpenAPI document has this status for this operation. An operation that it does not have is skipped.
#[track_caller]
fn documented(method: &Method, path: &str, status: StatusCode) {
    let fits = |template: &str| {
        let (mut parts, mut wanted) = (path.split('/'), template.split('/'));
        let same = wanted.by_ref().all(|wanted| parts.next().is_some_and(|part| wanted == "{id}" || wanted == part));
        same && parts.next().is_none()
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // Literal paths win over those with an id, as in the routing table.
    let found = paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item));
    let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
    let operation = found.and_then(|item| item.get(method.as_str().to_lowercase()));
    if let Some(operation) = operation {
        let known = operation["responses"].as_object().unwrap();
        assert!(known.contains_key(status.as_str()), "{method} {path} answers {status}, which is not documented");
    }
}

/// Parses a body as one of the types that clients share, and asserts that no field is lost.
#[track_caller]
pub(crate) fn read<T: DeserializeOwned + Serialize>(reply: &Reply) -> T {
    let body = reply.json();
    let value: T = serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert_eq!(serde_json::to_value(&value).unwrap(), body);
    value
}

/// Returns a request as a JSON body.
pub(crate) fn value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap()
}

/// Returns an id as the core's type.
pub(crate) fn session_id(text: &str) -> SessionId {
    text.parse().unwrap()
}
