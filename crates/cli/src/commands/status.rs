//! `rekindle status`: an overview for people: how many sessions there are, and the stalled ones, the longest silent
//! first, with the command that recovers each.

use std::time::Duration;

use rekindle_api::{HealthSummary, StalledQuery, StalledReport};
use rekindle_client::Client;
use serde_json::value::RawValue;

use crate::connection::Connection;
use crate::error::CliError;
use crate::output::{cell, drawn, span, table};
use crate::target::Globals;
use crate::watch::Watch;

/// The number of stalled sessions that are shown.
const SHOWN: u32 = 100;

/// Prints the overview.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn status(globals: &Globals, watch: &Watch) -> Result<(), CliError> {
    let draw = async |server: &Connection| {
        let health = server.send(Client::get_health_summary).await?;
        let query = StalledQuery { limit: Some(SHOWN) };
        let stalled = server.send(|api| api.list_stalled_sessions(&query)).await?;
        if globals.json {
            return both(&health.text, &stalled.text);
        }
        Ok(picture(&health.value, &stalled.value))
    };
    watch.draw(globals, draw).await
}

/// Combines both responses into one JSON document, each as it was received.
fn both(health: &str, stalled: &str) -> Result<String, CliError> {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(anyhow::Error::new);
    let document = std::collections::BTreeMap::from([("health", raw(health)?), ("stalled", raw(stalled)?)]);
    Ok(serde_json::to_string(&document).map_err(anyhow::Error::new)?)
}

fn picture(health: &HealthSummary, report: &StalledReport) -> String {
    let mut text = format!(
        "{} sessions: {} active, {} paused, {} stalled, {} failed, {} completed\n",
        health.total_sessions,
        health.active_sessions,
        health.paused_sessions,
        health.stalled_sessions,
        health.failed_sessions,
        health.completed_sessions,
    );
    let Some(oldest) = report.stalled_sessions.first() else {
        text += &format!("none is silent for longer than {}\n", span(Duration::from_millis(report.stall_threshold_ms)));
        return text;
    };
    text += &format!("\nsilent for longer than {}:\n", span(Duration::from_millis(report.stall_threshold_ms)));
    let mut rows = table(&["SESSION", "PROJECT", "MACHINE", "SILENT FOR"]);
    for session in &report.stalled_sessions {
        rows.add_row([
            session.session_id.to_string(),
            cell(&session.project_id),
            cell(&session.machine_id),
            span(Duration::from_millis(session.time_since_heartbeat_ms)),
        ]);
    }
    text += &drawn(&rows);
    let shown = report.stalled_sessions.len() as u64;
    if report.total > shown {
        text += &format!("and {} more\n", report.total - shown);
    }
    text += &format!(
        "\nwhat one has done:   rekindle session recovery-state {id}\nto go on with it:    rekindle session recover {id}\n",
        id = oldest.session_id
    );
    text
}
