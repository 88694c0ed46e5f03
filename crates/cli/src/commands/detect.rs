//! `rekindle detect`: a detection pass now.

use std::time::Duration;

use rekindle_api::DetectReport;

use crate::client::{Answer, Client};
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

/// Looks for silent sessions.
///
/// # Errors
/// The server's.
pub async fn detect(globals: &Globals) -> Result<(), CliError> {
    let client = Client::new(globals.locate()?)?;
    let answer: Answer<DetectReport> = client.post(&["sessions", "detect-failures"]).send().await?;
    if globals.json {
        return output::data(&answer.text);
    }
    let took = output::span(Duration::from_millis(answer.value.duration_ms));
    output::data(&format!("marked {} sessions as stalled, in {took}", answer.value.stalled_sessions))
}
