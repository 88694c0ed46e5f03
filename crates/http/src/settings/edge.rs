//! The settings of the edge: TLS, and where traces go.

use rekindle_core::Fault;

use super::environment::Reader;
use super::{Telemetry, TlsFiles};

const CERTIFICATE: &str = "TLS_CERT_FILE";
const KEY: &str = "TLS_KEY_FILE";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Both files or none.
pub(super) fn tls(env: &mut Reader<'_>) -> Option<Option<TlsFiles>> {
    match (env.given(CERTIFICATE), env.given(KEY)) {
        (Some(certificate), Some(key)) => Some(Some(TlsFiles { certificate: certificate.into(), key: key.into() })),
        (None, None) => Some(None),
        (Some(_), None) => env.fault(KEY, format!("is missing: set it to the private key of {CERTIFICATE}")),
        (None, Some(_)) => env.fault(CERTIFICATE, format!("is missing: set it to the certificate of {KEY}")),
    }
}

/// The other two are looked at in any case: a slip of the hand is one, also where it does not matter yet.
pub(super) fn telemetry(env: &mut Reader<'_>) -> Option<Option<Telemetry>> {
    let endpoint = match env.given(ENDPOINT).map(endpoint) {
        None => Some(None),
        Some(Ok(endpoint)) => Some(Some(endpoint)),
        Some(Err(fault)) => env.fault(ENDPOINT, fault.0),
    };
    let service_name = env.or("OTEL_SERVICE_NAME", "rekindle", |text| Ok(text.to_owned()));
    let sample = env.or("OTEL_TRACES_SAMPLER_ARG", "1.0", sample);
    let (endpoint, service_name, sample) = (endpoint?, service_name?, sample?);
    Some(endpoint.map(|endpoint| Telemetry { endpoint, service_name, sample }))
}

/// The value is not shown: a password may be what is wrong with it.
fn endpoint(text: &str) -> Result<String, Fault> {
    let url: Option<actix_web::http::Uri> = text.parse().ok();
    let fits = url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
    if !fits {
        return Err(Fault::new("must be the URL of an OTLP endpoint over HTTP, such as http://127.0.0.1:4318"));
    }
    if text.contains('@') {
        return Err(Fault::new("must hold no password; set OTEL_EXPORTER_OTLP_HEADERS to the header that lets you in"));
    }
    Ok(text.to_owned())
}

fn sample(text: &str) -> Result<f64, Fault> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| Fault::new("must be a number from 0 to 1"))
}
