//! Where spans go: by OTLP over HTTP, in batches, from a thread of their own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData};
use rekindle_layers::SPANS;
use tracing::{Level, Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::config::TraceSettings;

/// How long one batch may take, all attempts together.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last batch may hold up the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Who is away is complained of once in this time.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// What makes and sends the spans of this process: there is one, as there is one log.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What listens for spans, to be put beside the log.
///
/// # Errors
/// Why there can be none.
pub fn layer<S>(settings: &TraceSettings) -> Result<impl Layer<S> + use<S>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // The exporter's client needs a provider of TLS even to speak to one that has none; an error means that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(Patient::new(exporter)).build())
        // The caller's choice comes first.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample))))
        .with_resource(resource)
        .build();
    let tracer = PROVIDER.get_or_init(|| provider).tracer("rekindle");
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    Ok(layer.with_filter(Targets::new().with_target(SPANS, Level::INFO)))
}

/// Sends what is left, within a limit: the end of a process.
pub async fn flush() {
    let Some(provider) = PROVIDER.get() else { return };
    let flushed = tokio::task::spawn_blocking(|| provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
    if !matches!(flushed, Ok(Ok(()))) {
        warn!("The last spans were not sent in time: the telemetry endpoint does not take them");
    }
}

/// An exporter whose endpoint may be unavailable: spans that it does not accept are lost, and a warning is logged now
/// and then.
#[derive(Debug)]
struct Patient {
    inner: SpanExporter,
    since: Instant,
    /// When the last complaint was made, in milliseconds after `since`; 0: never.
    complained: AtomicU64,
    lost: AtomicU64,
}

impl Patient {
    fn new(inner: SpanExporter) -> Self {
        Self { inner, since: Instant::now(), complained: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    fn note_loss(&self, spans: usize, cause: &dyn std::fmt::Display) {
        self.lost.fetch_add(spans as u64, Ordering::Relaxed);
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let last = self.complained.load(Ordering::Relaxed);
        let is_time = last == 0 || u128::from(now - last.min(now)) >= COMPLAIN_EVERY.as_millis();
        // One thread exports, so that there is one warning at a time.
        if is_time {
            self.complained.store(now, Ordering::Relaxed);
            let lost = self.lost.swap(0, Ordering::Relaxed);
            warn!(spans_lost = lost, cause = %cause, "The telemetry endpoint does not take spans; requests are not affected");
        }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Patient {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        if let Err(error) = self.inner.export(batch).await {
            self.note_loss(spans, &error);
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
