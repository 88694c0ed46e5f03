//! What an operator chooses of traces.

/// Traces, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, an http or https URL.
    pub endpoint: String,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: String,
    /// `OTEL_TRACES_SAMPLER_ARG`: the part of the traces that is kept, from 0 to 1.
    pub sample: f64,
}
