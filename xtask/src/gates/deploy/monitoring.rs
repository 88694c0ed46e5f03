//! The alerts and the dashboard name only metrics that the server has.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::gates::sources::{literals, read};

/// Metrics of the server without its prefix, as the requirements name them.
const PLAIN: &[&str] = &[
    "active_sessions_count",
    "api_requests_total",
    "database_query_duration_ms",
    "heartbeat_latency_ms",
    "stalled_sessions_count",
];

/// Metrics of Prometheus itself.
const PROMETHEUS: &[&str] = &["process_cpu_seconds_total", "process_start_time_seconds"];

/// The table of all metrics of the server.
const METRICS: &str = "crates/telemetry/src/metrics/names.rs";
const ALERTS: &str = "deploy/prometheus/alerts.yml";
const DASHBOARD: &str = "deploy/grafana/dashboard.json";

/// Fails on unknown names. Returns what was checked.
pub(super) fn metrics_exist() -> Result<String> {
    let mut named = BTreeSet::new();
    for line in read(ALERTS)?.lines() {
        if let Some((_, expression)) = line.split_once("expr:") {
            named.extend(metrics(expression));
        }
    }
    let dashboard: Value =
        serde_json::from_str(&read(DASHBOARD)?).with_context(|| format!("{DASHBOARD} is no JSON"))?;
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    ensure!(expressions.len() > 10, "{DASHBOARD} shows next to nothing");
    named.extend(expressions.iter().flat_map(|expression| metrics(expression)));

    let exposed = literals(&read(METRICS)?, is_metric);
    let unknown: Vec<&String> = named.iter().filter(|name| !is_exposed(name, &exposed)).collect();
    ensure!(unknown.is_empty(), "{ALERTS} or {DASHBOARD} name metrics that the server does not have: {unknown:?}");
    Ok(format!("so do {} metrics in the alerts and on the dashboard", named.len()))
}

/// A histogram is exposed as three metrics.
fn is_exposed(name: &str, exposed: &BTreeSet<String>) -> bool {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    exposed.contains(name) || base.is_some_and(|base| exposed.contains(base)) || PROMETHEUS.contains(&name)
}

/// Collects the queries of the panels and of the variables.
fn collect(value: &Value, expressions: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let is_query = matches!(name.as_str(), "expr" | "definition");
                expressions.extend(field.as_str().filter(|_| is_query).map(str::to_owned));
                collect(field, expressions);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, expressions)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the server's metrics in a query.
fn metrics(expression: &str) -> impl Iterator<Item = String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let begins = |word: &str| word.starts_with("rekindle_") || word.starts_with("process_") || is_plain(word);
    words.filter(move |word| begins(word)).map(str::to_owned)
}

fn is_plain(word: &str) -> bool {
    PLAIN.iter().any(|plain| word.strip_prefix(plain).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
}

fn is_metric(literal: &str) -> bool {
    let shape = literal.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    shape && (literal.starts_with("rekindle_") || literal.starts_with("process_") || PLAIN.contains(&literal))
}

#[cfg(test)]
mod tests;
