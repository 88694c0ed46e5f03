//! The settings: read from the environment, every fault named at once, no secret shown.

mod environment;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub use environment::Environment;
use environment::Reader;
use rekindle_core::{Fault, Policy};

use crate::auth::{ApiKeys, parse_key};
use crate::jobs::Schedule;
use crate::logging::{Format, LogSettings};
use crate::wire::StoreChoice;

/// Ten years: a span beyond which a number is a slip of the hand.
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const GIB: u64 = 1 << 30;

/// Everything that an operator chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST`: where to listen.
    pub host: String,
    /// `PORT`: 0 takes a free one.
    pub port: u16,
    /// `STORE_URL` or `MONGODB_URI`.
    pub store: StoreChoice,
    /// `API_KEYS`.
    pub api_keys: ApiKeys,
    /// `STALL_THRESHOLD_MS`, `DETECT_INTERVAL_MS`, `RETENTION_DAYS`.
    pub policy: Policy,
    /// `CLEANUP_CRON`, in UTC.
    pub cleanup: Schedule,
    /// `REQUEST_TIMEOUT_MS`: the longest that a request may take.
    pub request_timeout: Duration,
    /// `STORE_TIMEOUT_MS`: the longest that a call to the store may take.
    pub store_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: how long what is in flight may take after a signal to stop.
    pub drain_timeout: Duration,
    /// `MAX_BODY_BYTES`.
    pub max_body_bytes: usize,
    /// `LOG_LEVEL`, `LOG_FORMAT`.
    pub log: LogSettings,
    /// `ENVIRONMENT`: a word for people.
    pub environment: String,
}

/// Every setting that is missing or wrong, each with what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The settings, in the order in which they are read.
    pub faults: Vec<SettingFault>,
}

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// Its name.
    pub name: &'static str,
    /// What would be right.
    pub message: String,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigurationError: these settings are missing or wrong:")?;
        for SettingFault { name, message } in &self.faults {
            write!(f, "\n  {name} {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}

impl Settings {
    /// Reads the settings. An empty variable is a missing one.
    ///
    /// # Errors
    /// With everything that is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut env = Reader::new(environment);
        let host = env.or("HOST", "127.0.0.1", host);
        let port = env.number("PORT", 3000, 0..=u64::from(u16::MAX));
        let store = store(&mut env);
        let api_keys = env.required("API_KEYS", api_keys, "to the keys that are let in: UUIDs, separated by commas");
        let stall_threshold = env.milliseconds("STALL_THRESHOLD_MS", 180_000, 100..=TEN_YEARS_MS);
        let detect_interval = env.milliseconds("DETECT_INTERVAL_MS", 1000, 50..=600_000);
        let retention_days = env.number("RETENTION_DAYS", 30, 0..=u64::from(u32::MAX));
        let cleanup = env.or("CLEANUP_CRON", "0 2 * * *", Schedule::from_str);
        let request_timeout = env.milliseconds("REQUEST_TIMEOUT_MS", 29_000, 1..=HOUR_MS);
        let store_timeout = env.milliseconds("STORE_TIMEOUT_MS", 10_000, 1..=HOUR_MS);
        let drain_timeout = env.milliseconds("DRAIN_TIMEOUT_MS", 10_000, 0..=HOUR_MS);
        let max_body_bytes = env.number("MAX_BODY_BYTES", 1_048_576, 1..=GIB);
        let level = env.or("LOG_LEVEL", "info", level);
        let format = env.or("LOG_FORMAT", "json", Format::from_str);
        let environment = env.or("ENVIRONMENT", "production", |text| Ok(text.to_owned()));
        env.done(|| {
            Some(Self {
                host: host?,
                port: port?,
                store: store?,
                api_keys: api_keys?,
                policy: Policy {
                    stall_threshold: stall_threshold?,
                    detect_interval: detect_interval?,
                    retention_days: retention_days?,
                },
                cleanup: cleanup?,
                request_timeout: request_timeout?,
                store_timeout: store_timeout?,
                drain_timeout: drain_timeout?,
                max_body_bytes: max_body_bytes?,
                log: LogSettings { level: level?, format: format? },
                environment: environment?,
            })
        })
    }
}

fn host(text: &str) -> Result<String, Fault> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if text.chars().all(valid) {
        Ok(text.to_owned())
    } else {
        Err(Fault::new("must be an address or a host name, such as 127.0.0.1"))
    }
}

/// Two names for one setting: the PRD's, and ours.
fn store(env: &mut Reader<'_>) -> Option<StoreChoice> {
    const RIGHT: &str = "to where the data is kept, such as sqlite:/var/lib/rekindle/rekindle.db";
    match (env.given("STORE_URL"), env.given("MONGODB_URI")) {
        (Some(one), Some(other)) if one != other => {
            env.fault("STORE_URL", "and MONGODB_URI are both set, and differ; set only one of them")
        }
        (None, Some(uri)) if !uri.starts_with("mongodb:") && !uri.starts_with("mongodb+srv:") => {
            env.fault("MONGODB_URI", "must begin with mongodb:// or mongodb+srv://; for another store set STORE_URL")
        }
        (None, Some(_)) => env.required("MONGODB_URI", StoreChoice::parse, RIGHT),
        (_, _) => env.required("STORE_URL", StoreChoice::parse, RIGHT),
    }
}

fn api_keys(text: &str) -> Result<ApiKeys, Fault> {
    let mut keys = Vec::new();
    for (place, key) in text.split(',').map(str::trim).enumerate() {
        match parse_key(key) {
            Some(key) => keys.push(key),
            None if key.is_empty() => {}
            None => {
                let place = place + 1;
                return Err(Fault::new(format!("must be UUIDs, separated by commas; number {place} is none")));
            }
        }
    }
    if keys.is_empty() { Err(Fault::new("must hold at least one UUID")) } else { Ok(ApiKeys::new(keys)) }
}

fn level(text: &str) -> Result<tracing::Level, Fault> {
    match text {
        "error" => Ok(tracing::Level::ERROR),
        "warn" => Ok(tracing::Level::WARN),
        "info" => Ok(tracing::Level::INFO),
        "debug" => Ok(tracing::Level::DEBUG),
        "trace" => Ok(tracing::Level::TRACE),
        _ => Err(Fault::new("must be error, warn, info, debug or trace")),
    }
}

#[cfg(test)]
mod tests;
