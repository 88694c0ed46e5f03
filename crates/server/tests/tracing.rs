//! Traces as a collector receives them: OTLP over HTTP, decoded with the types of the protocol.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's way to report")]

mod support;

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus};
use prost::Message;
use rekindle_core::{Store, StoreError};
use rekindle_layers::{Layered, Traced};
use rekindle_telemetry::logging::{self, Format, LogSettings};
use rekindle_telemetry::traces::TraceSettings;
use rekindle_testkit::{FaultyStore, Outage};
use reqwest::{Client, StatusCode};
use serde_json::json;
use support::process::{PATIENCE, Process};
use support::{KEY, Setup};
use tokio::sync::mpsc;
use tokio::time::timeout;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const UNSAMPLED: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A collector: its endpoint, and the spans that it receives.
struct Collector {
    endpoint: String,
    batches: mpsc::Receiver<ExportTraceServiceRequest>,
    spans: Vec<Span>,
    services: Vec<String>,
}

impl Collector {
    fn start() -> Self {
        let (sender, batches) = mpsc::channel(1024);
        let server = HttpServer::new(move || {
            let sender = sender.clone();
            let take = move |body: web::Bytes| {
                let batch = ExportTraceServiceRequest::decode(body).unwrap();
                sender.try_send(batch).unwrap();
                async { HttpResponse::Ok().content_type("application/x-protobuf").finish() }
            };
            App::new().route("/v1/traces", web::post().to(take))
        });
        let server = server.workers(1).bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.disable_signals().run());
        Self { endpoint, batches, spans: Vec::new(), services: Vec::new() }
    }

    fn take(&mut self, batch: ExportTraceServiceRequest) {
        for resource in batch.resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let name = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            self.services.push(format!("{:?}", name.value));
            self.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    /// Waits for a span that fits.
    async fn until(&mut self, fits: impl Fn(&Span) -> bool) -> Span {
        loop {
            if let Some(span) = self.spans.iter().find(|span| fits(span)) {
                return span.clone();
            }
            let Ok(Some(batch)) = timeout(PATIENCE, self.batches.recv()).await else {
                let names: Vec<_> = self.spans.iter().map(|span| &span.name).collect();
                panic!("no such span among {names:?}");
            };
            self.take(batch);
        }
    }

    /// Takes what was received up to now.
    fn take_all(&mut self) {
        while let Ok(batch) = self.batches.try_recv() {
            self.take(batch);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    let value = found.value.clone()?.value?;
    if let Any::StringValue(text) = value {
        return Some(text);
    }
    if let Any::IntValue(number) = value { Some(number.to_string()) } else { Some(format!("{value:?}")) }
}

fn has_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == SpanStatus::Error as i32)
}

async fn create(url: &str, machine: &str, traceparent: &str) -> StatusCode {
    let body = json!({ "project_id": "p", "machine_id": machine, "metadata": { "password": "hunter2" } });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = Client::builder().timeout(PATIENCE).build().unwrap().post(format!("{url}/api/sessions"));
    let request = request.header("X-API-Key", KEY).header("traceparent", traceparent).header("tracestate", "a=b");
    request.json(&body).send().await.unwrap().status()
}

#[tokio::test]
async fn a_request_its_use_case_and_its_store_calls_continue_the_trace_of_the_caller() {
    let mut collector = Collector::start();
    let endpoint = collector.endpoint.clone();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_SERVICE_NAME", "rekindle-a")];
    let mut process = Process::start(&[&settings[..], &[("OTEL_BSP_SCHEDULE_DELAY", "50")]].concat()).await;
    let unsampled = format!("00-{UNSAMPLED}-{CALLER}-00");
    assert_eq!(create(&process.url(""), "m1", &unsampled).await, StatusCode::CREATED);
    assert_eq!(create(&process.url(""), "m2", &format!("00-{TRACE}-{CALLER}-01")).await, StatusCode::CREATED);

    let ours = |span: &Span| hex(&span.trace_id) == TRACE;
    let request = collector.until(|span| ours(span) && span.kind == SpanKind::Server as i32).await;
    assert_eq!(request.name, "POST /api/sessions");
    assert_eq!((hex(&request.parent_span_id).as_str(), request.trace_state.as_str()), (CALLER, "a=b"));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/sessions"),
        ("http.response.status_code", "201"),
        ("url.path", "/api/sessions"),
        ("url.scheme", "http"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(&request, name).as_deref(), Some(value), "{name}");
    }
    let use_case = collector.until(|span| ours(span) && span.name == "create_session").await;
    assert_eq!(use_case.parent_span_id, request.span_id);
    assert_eq!(attribute(&use_case, "outcome").as_deref(), Some("ok"));
    let commit = collector.until(|span| ours(span) && span.name == "commit").await;
    assert_eq!(commit.parent_span_id, use_case.span_id);
    assert_eq!(commit.kind, SpanKind::Client as i32);
    for (name, value) in [("db.system.name", "sqlite"), ("db.operation.name", "commit"), ("outcome", "ok")] {
        assert_eq!(attribute(&commit, name).as_deref(), Some(value), "{name}");
    }
    assert!(![&request, &use_case, &commit].into_iter().any(has_failed));

    // The log line has the trace of the request's span.
    let line = process.until(|line| line["context"]["trace_id"] == TRACE).await;
    assert_eq!(
        (&line["message"], &line["context"]["span_id"]),
        (&json!("Session created"), &json!(hex(&request.span_id)))
    );
    assert_eq!(line["context"]["request_id"].as_str(), attribute(&request, "request_id").as_deref());

    process.signal("-TERM").await;
    assert_eq!(process.end().await.code(), Some(0));
    collector.take_all();
    let traces: Vec<_> = collector.spans.iter().map(|span| hex(&span.trace_id)).collect();
    assert!(!traces.iter().any(|trace| trace == UNSAMPLED), "the caller said that it is not to be recorded");
    assert!(collector.spans.iter().all(|span| span.kind != SpanKind::Client as i32 || !span.parent_span_id.is_empty()));
    assert!(collector.services.iter().all(|service| service.contains("rekindle-a")), "{:?}", collector.services);
    assert!(!format!("{:?}", collector.spans).contains("hunter2") && !format!("{:?}", collector.spans).contains(KEY));
}

#[tokio::test]
async fn remaining_spans_are_sent_when_the_server_ends() {
    let mut collector = Collector::start();
    let endpoint = collector.endpoint.clone();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let process = Process::start(&settings).await;
    assert_eq!(create(&process.url(""), "m", &format!("00-{TRACE}-{CALLER}-01")).await, StatusCode::CREATED);
    process.stop().await;
    collector.until(|span| span.name == "POST /api/sessions").await;
}

#[tokio::test]
async fn an_unreachable_endpoint_causes_only_a_warning() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", held.local_addr().unwrap());
    drop(held);
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let mut process = Process::start(&settings).await;
    for n in 0..5 {
        let machine = format!("m{n}");
        assert_eq!(create(&process.url(""), &machine, "none").await, StatusCode::CREATED);
    }
    process.until(|line| line["level"] == "WARN").await;
    process.signal("-TERM").await;
    assert_eq!(process.end().await.code(), Some(0));
    let complaints = |line: &&&serde_json::Value| line["message"].as_str().unwrap().contains("does not take spans");
    assert_eq!(process.lines_of("WARN").iter().filter(complaints).count(), 1, "{:?}", process.log);
    assert!(process.lines_of("ERROR").is_empty(), "{:?}", process.log);
}

#[tokio::test]
async fn without_an_exporter_the_trace_of_the_caller_is_in_the_log() {
    let mut process = Process::start(&[]).await;
    assert_eq!(create(&process.url(""), "m1", &format!("00-{TRACE}-{CALLER}-01")).await, StatusCode::CREATED);
    let line = process.until(|line| line["message"] == "Session created").await;
    assert_eq!((&line["context"]["trace_id"], &line["context"]["span_id"]), (&json!(TRACE), &json!(CALLER)));
    assert_eq!(create(&process.url(""), "m2", "00-not-a-trace").await, StatusCode::CREATED);
    let line = process.until(|line| line["message"] == "Session created").await;
    assert!(line["context"].get("trace_id").is_none(), "{line}");
    process.stop().await;
}

/// In this process, which can use a store that fails on demand.
#[tokio::test(flavor = "multi_thread")]
async fn failed_spans_have_the_error_status() {
    let mut collector = Collector::start();
    let telemetry =
        TraceSettings { endpoint: collector.endpoint.clone(), service_name: "rekindle".to_owned(), sample: 1.0 };
    let log = LogSettings { level: tracing::Level::ERROR, format: Format::Json, file: None, heartbeat_sample: 1 };
    let _log = logging::init(&log, Some(&telemetry)).unwrap();
    let store = Arc::new(FaultyStore::default());
    let traced = Layered::new(Traced::of("memory"), Arc::clone(&store) as Arc<dyn Store>);
    let server = Setup::new().store(Arc::new(traced)).set("DETECT_INTERVAL_MS", "600000").start().await;
    let session = server.session("p", "m").await;
    let path = format!("/api/sessions/{session}");
    store.set(Some(Outage::Fails(StoreError::Unavailable("the disk at /secret is gone".to_owned()))));
    server.get(&path).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    store.set(None);
    server.get("/api/sessions/6fa459ea-ee8a-4ca4-894e-db77e160355e").await.expect(StatusCode::NOT_FOUND);

    let status = |wanted: &'static str| {
        move |span: &Span| attribute(span, "http.response.status_code").as_deref() == Some(wanted)
    };
    let failed = collector.until(status("503")).await;
    assert!(has_failed(&failed));
    assert_eq!(
        (failed.name.as_str(), attribute(&failed, "error.type").as_deref()),
        ("GET /api/sessions/{id}", Some("503"))
    );
    let inside = |outer: &Span| {
        let id = outer.span_id.clone();
        move |span: &Span| span.parent_span_id == id
    };
    let use_case = collector.until(inside(&failed)).await;
    assert!(has_failed(&use_case));
    let call = collector.until(inside(&use_case)).await;
    assert!(has_failed(&call));
    assert_eq!(attribute(&call, "outcome").as_deref(), Some("unavailable"));
    assert!(!format!("{:?}", collector.spans).contains("secret"), "causes are for the log");

    let refused = collector.until(status("404")).await;
    assert!(!has_failed(&refused), "that there is none is an answer");
    let use_case = collector.until(inside(&refused)).await;
    assert!(!has_failed(&use_case));
    assert_eq!(attribute(&use_case, "outcome").as_deref(), Some("refused"));
    server.stop().await;
}
