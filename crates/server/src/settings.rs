//! The settings: gathered from files, the environment and the command line, every fault named at once with where it
//! comes from, no secret shown.

pub mod table;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use rekindle_core::Policy;
use rekindle_jobs::Schedule;
use rekindle_listener::TlsFiles;
use rekindle_settings::{ConfigurationError, Environment, Layers, Reader, Sources};
use rekindle_stores::{NotAFileStore, StoreUrl};
use rekindle_telemetry::logging::{LogFile, LogSettings};
use rekindle_telemetry::traces::TraceSettings;
use table as t;

use crate::backup_job::BackupPlan;
use rekindle_http::auth::ApiKeys;
use rekindle_http::cors::AllowedOrigins;
use rekindle_http::rate_limit::RateLimits;

/// Everything that an operator chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST`: where to listen.
    pub host: String,
    /// `PORT`: 0 takes a free one.
    pub port: u16,
    /// `STORE_URL` or `MONGODB_URI`, with `MONGODB_DATABASE`.
    pub store: StoreUrl,
    /// Which of the two names chose it.
    pub store_from: &'static str,
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
    /// `MAX_IN_FLIGHT`: as many requests are worked on at once.
    pub max_in_flight: usize,
    /// `RATE_LIMIT_PER_MINUTE`, `RATE_LIMIT_HEARTBEATS_PER_MINUTE`, `RATE_LIMIT_AUTH_FAILURES_PER_MINUTE`.
    pub rate_limits: RateLimits,
    /// `CORS_ALLOWED_ORIGINS`.
    pub allowed_origins: AllowedOrigins,
    /// `LOG_LEVEL`, `LOG_FORMAT`, `LOG_FILE` and what belongs to it, `LOG_HEARTBEAT_SAMPLE`.
    pub log: LogSettings,
    /// `OTEL_…`: where traces go, if anywhere.
    pub telemetry: Option<TraceSettings>,
    /// `TLS_CERT_FILE`, `TLS_KEY_FILE`.
    pub tls: Option<TlsFiles>,
    /// `BACKUP_CRON`, `BACKUP_DIR`, `BACKUP_KEEP`.
    pub backup: Option<BackupPlan>,
    /// `ENVIRONMENT`: the environment of this server.
    pub environment: String,
    /// The files that were read, in their order.
    pub files: Vec<PathBuf>,
    /// Twelve hexadecimal digits that are the same on servers whose settings are.
    pub checksum: String,
}

impl Settings {
    /// Reads the settings from this environment alone, without any file. An empty variable is a missing one.
    ///
    /// # Errors
    /// With everything that is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        Self::of(&Sources::of_environment(&t::TABLE, environment.clone()).gather())
    }

    /// What all layers together say.
    ///
    /// # Errors
    /// With everything that is missing or wrong.
    pub fn of(layers: &Layers) -> Result<Self, ConfigurationError> {
        let mut env = Reader::new(layers);
        let host = env.with_default(&t::HOST, values::host);
        let port = env.number(&t::PORT);
        let store = store(&mut env);
        let right = "to the keys that are let in: UUIDs, separated by commas";
        let api_keys = env.required(&t::API_KEYS, right, values::api_keys);
        let stall_threshold = env.milliseconds(&t::STALL_THRESHOLD_MS);
        let detect_interval = env.milliseconds(&t::DETECT_INTERVAL_MS);
        let retention_days = env.number(&t::RETENTION_DAYS);
        let cleanup = env.parsed(&t::CLEANUP_CRON);
        let request_timeout = env.milliseconds(&t::REQUEST_TIMEOUT_MS);
        let store_timeout = env.milliseconds(&t::STORE_TIMEOUT_MS);
        let drain_timeout = env.milliseconds(&t::DRAIN_TIMEOUT_MS);
        let max_body_bytes = env.number(&t::MAX_BODY_BYTES);
        let max_in_flight = env.number(&t::MAX_IN_FLIGHT);
        let rate_limits = rate_limits(&mut env);
        let allowed_origins = env.optional(&t::CORS_ALLOWED_ORIGINS, AllowedOrigins::parse);
        let tls = tls(&mut env);
        let log = log(&mut env);
        let telemetry = telemetry(&mut env);
        let backup = backup(&mut env, store.as_ref().map(|(_, store)| store));
        let environment = env.with_default(&t::ENVIRONMENT, |text| Ok(text.to_owned()));
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
                request_timeout: request_timeout?,
                store_timeout: store_timeout?,
                drain_timeout: drain_timeout?,
                max_body_bytes: max_body_bytes?,
                max_in_flight: max_in_flight?,
                rate_limits: rate_limits?,
                allowed_origins: allowed_origins?.unwrap_or_default(),
                log: log?,
                telemetry: telemetry?,
                tls: tls?,
                backup: backup?,
                environment: environment?,
                files: layers.files().to_vec(),
                checksum: layers.checksum(),
            })
        })
    }

    /// The first line of a server's log: what runs here, and with which settings.
    pub fn announce(&self) {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            environment = self.environment.as_str(),
            store = %self.store,
            settings_checksum = self.checksum.as_str(),
            settings_files = files.join(", "),
            "Starting"
        );
    }
}

/// Two names for one setting: the PRD's, and ours. Answers also which one was used. Of two that differ the later layer's
/// counts; in one layer they are a contradiction.
fn store(env: &mut Reader<'_>) -> Option<(&'static str, StoreUrl)> {
    const RIGHT: &str = "to where the data is kept, such as sqlite:/var/lib/rekindle/rekindle.db";
    let database = env.with_default(&t::MONGODB_DATABASE, values::database);
    let read = |url: &str| StoreUrl::parse(url, database.as_deref().unwrap_or_default());
    let (ours, theirs) = (env.layer(&t::STORE_URL), env.layer(&t::MONGODB_URI));
    let setting = if ours >= theirs { &t::STORE_URL } else { &t::MONGODB_URI };
    if let (Some(one), Some(other)) = (env.text(&t::STORE_URL), env.text(&t::MONGODB_URI))
        && ours == theirs
        && one != other
    {
        return env.fault(&t::STORE_URL, "and MONGODB_URI are both set, and differ; set only one of them");
    }
    let is_mongodb = |uri: &str| uri.starts_with("mongodb:") || uri.starts_with("mongodb+srv:");
    if setting.name == t::MONGODB_URI.name && env.text(setting).is_some_and(|uri| !is_mongodb(uri)) {
        return env.fault(setting, "must begin with mongodb:// or mongodb+srv://; for another store set STORE_URL");
    }
    let choice = env.required(setting, RIGHT, read);
    database.as_ref()?;
    Some((setting.name, choice?))
}

/// Heartbeats have a limit of their own only where one is set; 0 is one.
fn rate_limits(env: &mut Reader<'_>) -> Option<RateLimits> {
    let per_minute = env.number(&t::RATE_LIMIT_PER_MINUTE);
    let heartbeats = env.optional_number(&t::RATE_LIMIT_HEARTBEATS_PER_MINUTE);
    let failures = env.number(&t::RATE_LIMIT_AUTH_FAILURES_PER_MINUTE);
    Some(RateLimits {
        per_minute: per_minute?,
        heartbeats_per_minute: heartbeats?,
        auth_failures_per_minute: failures?,
    })
}

fn tls(env: &mut Reader<'_>) -> Option<Option<TlsFiles>> {
    let certificate = env.path(&t::TLS_CERT_FILE);
    let key = env.path(&t::TLS_KEY_FILE);
    match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some(Some(TlsFiles { certificate, key })),
        (None, None) => Some(None),
        (Some(_), None) => env.missing(&t::TLS_KEY_FILE, "to the private key of TLS_CERT_FILE, or set neither"),
        (None, Some(_)) => env.missing(&t::TLS_CERT_FILE, "to the certificate of TLS_KEY_FILE, or set neither"),
    }
}

fn log(env: &mut Reader<'_>) -> Option<LogSettings> {
    let level = env.with_default(&t::LOG_LEVEL, values::level);
    let format = env.parsed(&t::LOG_FORMAT);
    let path = env.path(&t::LOG_FILE);
    let max_bytes = env.number(&t::LOG_FILE_MAX_BYTES);
    let keep = env.number(&t::LOG_FILE_KEEP);
    let heartbeat_sample = env.number(&t::LOG_HEARTBEAT_SAMPLE);
    let (path, max_bytes, keep) = (path?, max_bytes?, keep?);
    let file = path.map(|path| LogFile { path, max_bytes, keep });
    Some(LogSettings { level: level?, format: format?, file, heartbeat_sample: heartbeat_sample? })
}

fn telemetry(env: &mut Reader<'_>) -> Option<Option<TraceSettings>> {
    let endpoint = env.optional(&t::OTEL_EXPORTER_OTLP_ENDPOINT, values::endpoint);
    let service_name = env.with_default(&t::OTEL_SERVICE_NAME, |text| Ok(text.to_owned()));
    let sample = env.decimal(&t::OTEL_TRACES_SAMPLER_ARG);
    let (endpoint, service_name, sample) = (endpoint?, service_name?, sample?);
    Some(endpoint.map(|endpoint| TraceSettings { endpoint, service_name, sample }))
}

fn backup(env: &mut Reader<'_>, store: Option<&StoreUrl>) -> Option<Option<BackupPlan>> {
    let schedule = env.optional(&t::BACKUP_CRON, str::parse);
    let folder = env.path(&t::BACKUP_DIR);
    let keep = env.number(&t::BACKUP_KEEP);
    let (schedule, folder, keep) = (schedule?, folder?, keep?);
    let Some(schedule) = schedule else { return Some(None) };
    match store.map(StoreUrl::file) {
        Some(Err(NotAFileStore::Mongo)) => {
            let right = "is for a store on SQLite; with MongoDB let a timer run `rekindle db export`";
            return env.fault(&t::BACKUP_CRON, right);
        }
        Some(Err(NotAFileStore::Memory)) => {
            let right = "is for a database in a file, and this one is in memory: leave it out";
            return env.fault(&t::BACKUP_CRON, right);
        }
        Some(Ok(_)) | None => {}
    }
    let Some(folder) = folder else {
        return env.missing(&t::BACKUP_DIR, "to the folder for the backups that BACKUP_CRON asks for");
    };
    Some(Some(BackupPlan { schedule, folder, keep }))
}

#[cfg(test)]
mod tests;
