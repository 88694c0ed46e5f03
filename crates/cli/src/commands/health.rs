//! `rekindle health`: whether the server is alive, or ready, for whoever asks again and again and has no key: a
//! container's health check, a script that waits for a start.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::{Client, Response, Url, redirect};

use crate::client::trusted;
use crate::error::{CliError, Unreachable};
use crate::hints;
use crate::output;
use crate::target::Globals;

/// A server that takes longer is as good as none: whoever asks has a limit too.
const LIMIT: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Ask whether it can do its work (`/ready`), not only whether it is alive (`/health`)
    #[arg(long)]
    ready: bool,
}

/// Asks it.
///
/// # Errors
/// It does not answer, or not with 200.
pub async fn health(globals: &Globals, args: &HealthArgs) -> Result<(), CliError> {
    let (mut url, found) = globals.server()?;
    let path = if args.ready { "ready" } else { "health" };
    // Only what can have no path has no segments, and that is no URL of a server.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(path);
    }
    let ca = globals.ca();
    let certificates = ca.map_or_else(|| Ok(Vec::new()), trusted)?;
    let client =
        Client::builder().timeout(LIMIT).redirect(redirect::Policy::none()).tls_certs_merge(certificates).build();
    let answer = client.context("cannot set up the HTTP client")?.get(url.clone()).send().await;
    let said = match answer {
        Ok(answer) => said(answer).await,
        Err(error) => Err(if error.is_timeout() { "no answer in time".to_owned() } else { cause(&error) }),
    };
    match said {
        Ok(text) if globals.json => output::data(&text),
        Ok(_) => output::data(if args.ready { "ready" } else { "alive" }),
        Err(what) => Err(unreachable(&url, what, &found, ca)),
    }
}

async fn said(answer: Response) -> Result<String, String> {
    let status = answer.status();
    let text = answer.text().await.map_err(|error| cause(&error))?;
    if status == 200 {
        return Ok(text);
    }
    let body = serde_json::from_str::<rekindle_api::ErrorBody>(&text).ok();
    Err(body.map_or_else(|| status.to_string(), |body| format!("{} ({status})", body.message)))
}

/// What lies at the bottom of it: the words above it only repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    deepest.to_string()
}

fn unreachable(url: &Url, what: String, found: &str, ca: Option<&Path>) -> CliError {
    let is_distrusted = what.contains("certificate");
    let advice = if is_distrusted { hints::for_distrust(ca) } else { hints::for_silence(found) };
    CliError::Unreachable(Unreachable { url: url.to_string(), what, advice })
}
