//! Sends the requests of `docs/API.md` to a server, word for word, and records the responses. Values that differ from
//! run to run (ids and measurements) are replaced by fixed ones.

use rekindle_core::store::{FindTyped, queries};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rekindle_core::Store;
use rekindle_server::settings::Settings;
use rekindle_server::{RunningServer, ServerBuilder};
use rekindle_settings::Environment;
use rekindle_store_sqlite::{SqliteOptions, SqliteStore};
use rekindle_testkit::ManualClock;
use serde_json::Value;
use uuid::Uuid;

use super::examples::{EXAMPLES, Example};

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
/// The time between two requests, so that later records have later times.
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);
/// Measured fields, and the values that replace them.
const MEASURED: [(&str, &str); 6] = [
    ("uptime", "86400.5"),
    ("duration_ms", "1"),
    ("response_time_ms", "0.4"),
    ("last_run", "\"2026-01-19T08:30:00.000Z\""),
    ("last_success", "\"2026-01-19T08:30:00.000Z\""),
    ("timestamp", "\"2026-01-19T08:30:40.000Z\""),
];

pub(super) struct Answer {
    pub status: u16,
    pub body: String,
}

/// Sends all requests in their order.
pub(super) fn play() -> Result<Vec<Answer>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Arc::new(ManualClock::default());
        let running = server(&clock).await?;
        detector_has_looked(&running).await?;
        let url = format!("http://{}", running.address());
        let played = tokio::task::spawn_blocking(move || tell(&url, &clock)).await;
        running.stop().await;
        played?
    })
}

async fn server(clock: &Arc<ManualClock>) -> Result<RunningServer> {
    // A detector that runs only once, at the start, so that no response depends on its time.
    let settings = [
        ("STORE_URL", "sqlite::memory:"),
        ("API_KEYS", KEY),
        ("PORT", "0"),
        ("DETECT_INTERVAL_MS", "600000"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
    ];
    let environment: Environment = settings.into_iter().collect();
    let settings = Settings::read(&environment)?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::default())?);
    Ok(ServerBuilder::new(&settings).store(store).clock(Arc::clone(clock) as _).start().await?)
}

async fn detector_has_looked(running: &RunningServer) -> Result<()> {
    let store = Arc::clone(running.state().tracker.store());
    let looked = async {
        while store.read(queries::detector_state()).await?.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, looked).await.context("the detector does not look")?
}

fn tell(url: &str, clock: &ManualClock) -> Result<Vec<Answer>> {
    let folder = tempfile::tempdir()?;
    // curl reads this before its arguments: the status is separate from what the command prints.
    let mut curlrc = std::fs::File::create(folder.path().join(".curlrc"))?;
    writeln!(curlrc, "write-out = \"%{{stderr}}%{{http_code}}\"\nmax-time = {}", PATIENCE.as_secs())?;
    let mut variables = BTreeMap::from([("URL", url.to_owned()), ("KEY", KEY.to_owned())]);
    let mut ids = Ids::default();
    let mut answers = Vec::new();
    for example in EXAMPLES {
        clock.advance(PAUSE);
        let mut shell = Command::new("bash");
        shell.args(["-c", example.command]).current_dir(&folder).stdin(Stdio::null());
        shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        shell.env("CURL_HOME", folder.path()).env("HOME", folder.path()).envs(&variables);
        let said = shell.output().context("bash cannot be started")?;
        let (body, status) = (String::from_utf8(said.stdout)?, String::from_utf8(said.stderr)?);
        let shown = example.command;
        let status = status.trim().parse().with_context(|| format!("{shown}\nsaid: {status}"))?;
        ensure!((200..300).contains(&status), "{shown}\nwas answered {status}: {body}");
        keep(example, &body, &mut variables)?;
        answers.push(Answer { status, body: steady(&body, &mut ids) });
    }
    Ok(answers)
}

fn keep(example: &Example, body: &str, variables: &mut BTreeMap<&'static str, String>) -> Result<()> {
    let Some((variable, field)) = example.keep else { return Ok(()) };
    let body: Value = serde_json::from_str(body)?;
    let kept = body[field].as_str().with_context(|| format!("{}: the answer has no {field}", example.command))?;
    variables.insert(variable, kept.to_owned());
    Ok(())
}

/// The ids in the order of their first appearance.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    fn known_as(&mut self, id: &str) -> String {
        let next = self.0.len() + 1;
        let number = *self.0.entry(id.to_owned()).or_insert(next);
        format!("0c4f9a6e-0000-4000-8000-{number:012}")
    }
}

/// Returns the body with fixed ids and measurements.
fn steady(body: &str, ids: &mut Ids) -> String {
    let length = uuid::fmt::Hyphenated::LENGTH;
    let mut text = String::new();
    let mut rest = body;
    while let Some(next) = rest.chars().next() {
        match rest.get(..length).filter(|id| Uuid::try_parse(id).is_ok()) {
            Some(id) => {
                text += &ids.known_as(id);
                rest = &rest[length..];
            }
            None => {
                text.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    MEASURED.iter().fold(text, |text, (field, value)| measured(&text, field, value))
}

fn measured(text: &str, field: &str, value: &str) -> String {
    let name = format!("\"{field}\":");
    let mut pieces = text.split(&name);
    let mut steady = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find([',', '}']).unwrap_or(piece.len());
        // null stays null.
        let value = if &piece[..end] == "null" { "null" } else { value };
        steady += &format!("{name}{value}{}", &piece[end..]);
    }
    steady
}

#[cfg(test)]
mod tests;
