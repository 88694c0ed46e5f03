//! `rekindle health`: checks whether the server is alive or ready, without a key. For health checks of containers and
//! for scripts that wait for a start.

use std::time::Duration;

use clap::Args;
use rekindle_client::{Client, ClientError};

use crate::connection::certificates;
use crate::error::{CliError, Unreachable};
use crate::hints;
use crate::output;
use crate::target::Globals;

/// The time limit of the request: those who run health checks have a limit, too.
const LIMIT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Ask whether it can do its work (`/ready`), not only whether it is alive (`/health`)
    #[arg(long)]
    ready: bool,
}

/// Sends the request and checks the response.
///
/// # Errors
/// Fails if the server does not answer, or not with 200.
pub(crate) async fn health(globals: &Globals, args: &HealthArgs) -> Result<(), CliError> {
    let (server, found) = globals.server()?;
    let mut url = server.clone();
    let path = if args.ready { "ready" } else { "health" };
    // Fails only for a URL that cannot have a path, which is not the URL of a server.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(path);
    }
    let ca = globals.ca();
    let certificates = ca.map_or_else(|| Ok(Vec::new()), certificates)?;
    let client = Client::new(server, None, certificates).map_err(anyhow::Error::new)?;
    let request = if args.ready { client.get_readiness().as_text() } else { client.get_health().as_text() };
    match request.within(LIMIT).without_retries().send().await {
        Ok(answer) if globals.json => output::data(&answer.text),
        Ok(_) => output::data(if args.ready { "ready" } else { "alive" }),
        Err(error) => {
            let what = explain(&error);
            let advice = hints::for_unreachable(&what, &found, ca);
            Err(CliError::Unreachable(Unreachable { url: url.to_string(), what, advice }))
        }
    }
}

fn explain(error: &ClientError) -> String {
    if let ClientError::Rejected { status, body, .. } = error {
        format!("{} ({status})", body.message)
    } else if let ClientError::UnexpectedStatus(status) = error {
        status.to_string()
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.innermost_cause().unwrap_or_else(|| error.to_string())
    }
}
