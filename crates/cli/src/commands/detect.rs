//! `rekindle detect`: makes a detection pass now.

use std::time::Duration;

use rekindle_client::Client;

use crate::connection::Connection;
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

/// Makes a detection pass and prints what it found.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn detect(globals: &Globals) -> Result<(), CliError> {
    let server = Connection::new(globals.locate()?)?;
    let answer = server.send(Client::detect_failures).await?;
    if globals.json {
        return output::data(&answer.text);
    }
    let took = output::span(Duration::from_millis(answer.value.duration_ms));
    output::data(&format!("marked {} sessions as stalled, in {took}", answer.value.stalled_sessions))
}
