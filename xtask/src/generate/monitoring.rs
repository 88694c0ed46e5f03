//! The table of metrics in `docs/MONITORING.md`, from the table behind `/metrics`. Fails if the page does not explain an
//! alert.

use std::fmt::Write;

use anyhow::{Result, ensure};
use rekindle_telemetry::metrics::{Kind, METRICS};

use super::place;

/// Returns the page with the table in its place.
pub(super) fn with_metrics(page: &str, alerts: &str) -> Result<String> {
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        ensure!(
            page.contains(&format!("| `{alert}` |")),
            "docs/MONITORING.md does not say what the alert {alert} means"
        );
    }
    let mut table = String::from("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
    for metric in METRICS {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            labels.join(", "),
            metric.help
        );
    }
    table.push_str("\nThe bounds of the histograms:\n\n");
    for metric in METRICS {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            let _ = writeln!(table, "- `{}`: {}", metric.name, bounds.join(", "));
        }
    }
    place::put(page, "metrics", &table)
}
