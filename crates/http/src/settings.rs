//! The settings: read from the environment, every fault named at once, no secret shown.

mod edge;
mod environment;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub use environment::Environment;
use environment::Reader;
use rekindle_core::{Fault, Policy};

use crate::auth::{ApiKeys, parse_key};
use crate::cors::AllowedOrigins;
use crate::jobs::Schedule;
use crate::limit::RateLimits;
use crate::logging::{Format, LogSettings};
use crate::wire::{NoFile, StoreChoice};

/// Ten years: a span beyond which a number is a slip of the hand.
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const GIB: u64 = 1 << 30;
const MILLION: u64 = 1_000_000;

/// Everything that an operator chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST`: where to listen.
    pub host: String,
    /// `PORT`: 0 takes a free one.
    pub port: u16,
    /// `STORE_URL` or `MONGODB_URI`, with `MONGODB_DATABASE`.
    pub store: StoreChoice,
    /// Which of the two names chose it.
    pub store_from: &'static str,
    /// `API_KEYS`.
    pub api_keys: ApiKeys,
    /// `STALL_THRESHOLD_MS`, `DETECT_INTERVAL_MS`, `RETENTION_DAYS`.
    pub policy: Policy,
    /// `CLEANUP_CRON`, in UTC.
    pub cleanup: Schedule,
    /// `BACKUP_CRON`, `BACKUP_DIR`, `BACKUP_KEEP`: backups that the server takes by itself.
    pub backup: Option<BackupPlan>,
    /// `REQUEST_TIMEOUT_MS`: the longest that a request may take.
    pub request_timeout: Duration,
    /// `STORE_TIMEOUT_MS`: the longest that a call to the store may take.
    pub store_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: how long what is in flight may take after a signal to stop.
    pub drain_timeout: Duration,
    /// `MAX_BODY_BYTES`.
    pub max_body_bytes: usize,
    /// `MAX_IN_FLIGHT`: as many requests are worked on at once.
    pub max_in_flight: usize,
    /// `RATE_LIMIT_PER_MINUTE`, `RATE_LIMIT_HEARTBEATS_PER_MINUTE`, `RATE_LIMIT_AUTH_FAILURES_PER_MINUTE`.
    pub rate_limits: RateLimits,
    /// `CORS_ALLOWED_ORIGINS`.
    pub allowed_origins: AllowedOrigins,
    /// `LOG_LEVEL`, `LOG_FORMAT`.
    pub log: LogSettings,
    /// `ENVIRONMENT`: a word for people.
    pub environment: String,
    /// `TLS_CERT_FILE`, `TLS_KEY_FILE`: without them it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER_ARG`: without the first there are no traces.
    pub telemetry: Option<Telemetry>,
}

/// The files of a server that speaks TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those that lead to the one that clients know.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// An OTLP endpoint over HTTP, such as `http://127.0.0.1:4318`; never with a password.
    pub endpoint: String,
    /// The name under which this service's spans are found.
    pub service_name: String,
    /// The part of the traces that is recorded, from 0 to 1, where the caller does not say.
    pub sample: f64,
}

/// When backups are taken, where to, and how many of them stay.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    /// When, in UTC.
    pub schedule: Schedule,
    /// The folder that they are written to.
    pub folder: PathBuf,
    /// How many stay; at least one.
    pub keep: usize,
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
        let backup = backup(&mut env, store.as_ref().map(|(_, store)| store));
        let request_timeout = env.milliseconds("REQUEST_TIMEOUT_MS", 29_000, 1..=HOUR_MS);
        let store_timeout = env.milliseconds("STORE_TIMEOUT_MS", 10_000, 1..=HOUR_MS);
        let drain_timeout = env.milliseconds("DRAIN_TIMEOUT_MS", 10_000, 0..=HOUR_MS);
        let max_body_bytes = env.number("MAX_BODY_BYTES", 1_048_576, 1..=GIB);
        let max_in_flight = env.number("MAX_IN_FLIGHT", 1024, 1..=MILLION);
        let rate_limits = rate_limits(&mut env);
        let allowed_origins = env.or("CORS_ALLOWED_ORIGINS", "", AllowedOrigins::parse);
        let level = env.or("LOG_LEVEL", "info", level);
        let format = env.or("LOG_FORMAT", "json", Format::from_str);
        let environment = env.or("ENVIRONMENT", "production", |text| Ok(text.to_owned()));
        let tls = edge::tls(&mut env);
        let telemetry = edge::telemetry(&mut env);
        env.done(|| {
            let (store_from, store) = store?;
            Some(Self {
                host: host?,
                port: port?,
                store,
                store_from,
                api_keys: api_keys?,
                policy: Policy {
                    stall_threshold: stall_threshold?,
                    detect_interval: detect_interval?,
                    retention_days: retention_days?,
                },
                cleanup: cleanup?,
                backup: backup?,
                request_timeout: request_timeout?,
                store_timeout: store_timeout?,
                drain_timeout: drain_timeout?,
                max_body_bytes: max_body_bytes?,
                max_in_flight: max_in_flight?,
                rate_limits: rate_limits?,
                allowed_origins: allowed_origins?,
                log: LogSettings { level: level?, format: format? },
                environment: environment?,
                tls: tls?,
                telemetry: telemetry?,
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

/// Two names for one setting: the PRD's, and ours. Answers also which one was used.
fn store(env: &mut Reader<'_>) -> Option<(&'static str, StoreChoice)> {
    const RIGHT: &str = "to where the data is kept, such as sqlite:/var/lib/rekindle/rekindle.db";
    let database = env.or("MONGODB_DATABASE", "claude-projects", database);
    let read = |url: &str| StoreChoice::parse(url, database.as_deref().unwrap_or_default());
    let (name, choice) = match (env.given("STORE_URL"), env.given("MONGODB_URI")) {
        (Some(one), Some(other)) if one != other => {
            return env.fault("STORE_URL", "and MONGODB_URI are both set, and differ; set only one of them");
        }
        (None, Some(uri)) if !uri.starts_with("mongodb:") && !uri.starts_with("mongodb+srv:") => {
            let right = "must begin with mongodb:// or mongodb+srv://; for another store set STORE_URL";
            return env.fault("MONGODB_URI", right);
        }
        (None, Some(_)) => ("MONGODB_URI", env.required("MONGODB_URI", read, RIGHT)),
        (_, _) => ("STORE_URL", env.required("STORE_URL", read, RIGHT)),
    };
    database.as_ref()?;
    Some((name, choice?))
}

/// What MongoDB takes as a database's name on every platform.
fn database(text: &str) -> Result<String, Fault> {
    let forbidden = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
    if text.len() <= 63 && !text.chars().any(forbidden) {
        Ok(text.to_owned())
    } else {
        Err(Fault::new("must be a database's name: at most 63 bytes, without white space and / \\ . \" $ * < > : | ?"))
    }
}

/// None at all without `BACKUP_CRON`.
fn backup(env: &mut Reader<'_>, store: Option<&StoreChoice>) -> Option<Option<BackupPlan>> {
    let keep = env.number("BACKUP_KEEP", 7, 1..=10_000);
    if env.given("BACKUP_CRON").is_none() {
        return keep.map(|_| None);
    }
    let schedule = env.or("BACKUP_CRON", "", Schedule::from_str);
    let folder =
        env.required("BACKUP_DIR", |text| Ok(PathBuf::from(text)), "to the folder for the backups of BACKUP_CRON");
    if let Some(Err(no_file)) = store.map(StoreChoice::file) {
        return env.fault(
            "BACKUP_CRON",
            match no_file {
                NoFile::Mongo => {
                    "is for SQLite: back MongoDB up with mongodump or `rekindle db export`, and leave it out"
                }
                NoFile::Memory => "is for a database in a file, and this one is in memory: leave it out",
            },
        );
    }
    Some(Some(BackupPlan { schedule: schedule?, folder: folder?, keep: keep? }))
}

/// Heartbeats have a limit of their own only where one is set; 0 is one.
fn rate_limits(env: &mut Reader<'_>) -> Option<RateLimits> {
    const HEARTBEATS: &str = "RATE_LIMIT_HEARTBEATS_PER_MINUTE";
    let per_minute = env.number("RATE_LIMIT_PER_MINUTE", 100, 0..=MILLION);
    let heartbeats = match env.given(HEARTBEATS) {
        Some(_) => env.number(HEARTBEATS, 0, 0..=MILLION).map(Some),
        None => Some(None),
    };
    let failures = env.number("RATE_LIMIT_AUTH_FAILURES_PER_MINUTE", 1000, 0..=MILLION);
    Some(RateLimits {
        per_minute: per_minute?,
        heartbeats_per_minute: heartbeats?,
        auth_failures_per_minute: failures?,
    })
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
