//! Tests of `settings`, and of the engine with the whole table.

mod layers;
mod show;

use super::*;
use rekindle_telemetry::logging::Format;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn least() -> Environment {
    [("STORE_URL", "sqlite::memory:"), ("API_KEYS", KEY)].into_iter().collect()
}

fn faults(environment: &Environment) -> Vec<String> {
    match Settings::read(environment) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults.into_iter().map(|fault| fault.name).collect(),
    }
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = Settings::read(&least()).unwrap();
    assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 3000));
    assert_eq!(settings.policy.stall_threshold, Duration::from_millis(180_000));
    assert_eq!(settings.policy.detect_interval, Duration::from_millis(1000));
    assert_eq!(settings.policy.retention_days, 30);
    assert_eq!(settings.request_timeout, Duration::from_millis(29_000));
    assert_eq!(settings.store_timeout, Duration::from_millis(10_000));
    assert_eq!(settings.drain_timeout, Duration::from_millis(10_000));
    assert_eq!(settings.max_body_bytes, 1_048_576);
    assert_eq!(settings.max_in_flight, 1024);
    let limits = RateLimits { per_minute: 100, heartbeats_per_minute: None, auth_failures_per_minute: 1000 };
    assert_eq!(settings.rate_limits, limits);
    assert_eq!(settings.allowed_origins, AllowedOrigins::default());
    let log = LogSettings { level: tracing::Level::INFO, format: Format::Json, file: None, heartbeat_sample: 100 };
    assert_eq!(settings.log, log);
    assert_eq!((settings.tls, settings.telemetry), (None, None));
    assert!(settings.backup.is_none() && settings.files.is_empty());
    assert_eq!(settings.environment, "production");
}

#[test]
fn everything_that_is_wrong_is_named_at_once_and_nothing_that_is_right() {
    assert_eq!(faults(&Environment::default()), ["STORE_URL", "API_KEYS"]);
    let wrong = Environment::default()
        .with("HOST", "not a host")
        .with("PORT", "65536")
        .with("STORE_URL", "sqlite:")
        .with("API_KEYS", " ")
        .with("STALL_THRESHOLD_MS", "99")
        .with("DETECT_INTERVAL_MS", "600001")
        .with("RETENTION_DAYS", "-1")
        .with("CLEANUP_CRON", "never")
        .with("REQUEST_TIMEOUT_MS", "0")
        .with("STORE_TIMEOUT_MS", "x")
        .with("DRAIN_TIMEOUT_MS", "1.5")
        .with("MAX_BODY_BYTES", "0")
        .with("MAX_IN_FLIGHT", "0")
        .with("RATE_LIMIT_PER_MINUTE", "-1")
        .with("RATE_LIMIT_HEARTBEATS_PER_MINUTE", "many")
        .with("RATE_LIMIT_AUTH_FAILURES_PER_MINUTE", "1000001")
        .with("CORS_ALLOWED_ORIGINS", "*")
        .with("TLS_CERT_FILE", "cert.pem")
        .with("LOG_LEVEL", "loud")
        .with("LOG_FORMAT", "xml")
        .with("LOG_FILE_MAX_BYTES", "1023")
        .with("LOG_FILE_KEEP", "1001")
        .with("LOG_HEARTBEAT_SAMPLE", "0")
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318")
        .with("OTEL_TRACES_SAMPLER_ARG", "1.5")
        .with("BACKUP_CRON", "nightly")
        .with("BACKUP_KEEP", "0");
    let expected = [
        "HOST",
        "PORT",
        "STORE_URL",
        "API_KEYS",
        "STALL_THRESHOLD_MS",
        "DETECT_INTERVAL_MS",
        "RETENTION_DAYS",
        "CLEANUP_CRON",
        "REQUEST_TIMEOUT_MS",
        "STORE_TIMEOUT_MS",
        "DRAIN_TIMEOUT_MS",
        "MAX_BODY_BYTES",
        "MAX_IN_FLIGHT",
        "RATE_LIMIT_PER_MINUTE",
        "RATE_LIMIT_HEARTBEATS_PER_MINUTE",
        "RATE_LIMIT_AUTH_FAILURES_PER_MINUTE",
        "CORS_ALLOWED_ORIGINS",
        "TLS_KEY_FILE",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "LOG_FILE_MAX_BYTES",
        "LOG_FILE_KEEP",
        "LOG_HEARTBEAT_SAMPLE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER_ARG",
        "BACKUP_CRON",
        "BACKUP_KEEP",
    ];
    assert_eq!(faults(&wrong), expected);
    assert_eq!(faults(&wrong.with("PORT", "0").with("RETENTION_DAYS", "0")).len(), expected.len() - 2);
}

#[test]
fn an_empty_variable_is_a_missing_one() {
    assert_eq!(faults(&least().with("API_KEYS", "")), ["API_KEYS"]);
    assert_eq!(Settings::read(&least().with("PORT", "")).unwrap().port, 3000);
}

#[test]
fn heartbeats_have_a_limit_of_their_own_only_where_one_is_set() {
    let own = |value| {
        let settings = Settings::read(&least().with("RATE_LIMIT_HEARTBEATS_PER_MINUTE", value)).unwrap();
        settings.rate_limits.heartbeats_per_minute
    };
    assert_eq!((own(""), own("0"), own("600")), (None, Some(0), Some(600)));
}

#[test]
fn keys_are_uuids_and_are_not_shown() {
    let two = format!("{KEY}, 00000000-0000-4000-8000-000000000007,");
    assert!(Settings::read(&least().with("API_KEYS", two)).is_ok());
    let error = Settings::read(&least().with("API_KEYS", format!("{KEY},hunter2"))).unwrap_err().to_string();
    assert!(error.contains("API_KEYS") && error.contains("number 2"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains(KEY), "{error}");
}

#[test]
fn the_store_has_two_names() {
    let mongo = "mongodb://user:hunter2@db.example.org/x";
    let with = |store: &str, uri: &str| least().with("STORE_URL", store).with("MONGODB_URI", uri);
    for (environment, name) in
        [(with("", mongo), "MONGODB_URI"), (with(mongo, ""), "STORE_URL"), (with(mongo, mongo), "STORE_URL")]
    {
        let settings = Settings::read(&environment).unwrap();
        assert_eq!(settings.store_from, name);
        assert_eq!(settings.store.to_string(), "mongodb://user:***@db.example.org/x, database claude-projects");
    }
    assert_eq!(faults(&with("sqlite:a.db", mongo)), ["STORE_URL"]);
    assert_eq!(faults(&with("", "sqlite:a.db")), ["MONGODB_URI"]);
    assert_eq!(faults(&with("mongodb://", "")), ["STORE_URL"]);
    let error = Settings::read(&with("sqlite:a.db", mongo)).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_database_has_a_name_that_the_server_takes() {
    let named = |name: &str| least().with("STORE_URL", "mongodb://db/").with("MONGODB_DATABASE", name);
    let shown = Settings::read(&named("agents-2")).unwrap().store.to_string();
    assert!(shown.ends_with("database agents-2"), "{shown}");
    for bad in ["a b", "a.b", "a/b", "a$b", &"x".repeat(64)] {
        assert_eq!(faults(&named(bad)), ["MONGODB_DATABASE"], "{bad}");
    }
}

#[test]
fn a_fault_says_what_would_be_right_what_it_is_and_where_it_comes_from() {
    let environment = least().with("STALL_THRESHOLD_MS", "x").with("API_KEYS", "hunter2");
    let said = Settings::read(&environment).unwrap_err().to_string();
    let right = "STALL_THRESHOLD_MS must be an integer from 100 to 315360000000, and is \"x\" (environment)";
    assert!(said.contains(right), "{said}");
    assert!(said.contains("API_KEYS must be UUIDs, separated by commas; number 1 is none (environment)"), "{said}");
}

#[test]
fn what_needs_something_else_says_so() {
    let tls = least().with("TLS_KEY_FILE", "key.pem");
    assert_eq!(faults(&tls), ["TLS_CERT_FILE"]);
    let tls = Settings::read(&tls.with("TLS_CERT_FILE", "cert.pem")).unwrap().tls.unwrap();
    assert_eq!((tls.certificate, tls.key), (PathBuf::from("cert.pem"), PathBuf::from("key.pem")));

    let backup = least().with("STORE_URL", "sqlite:rekindle.db").with("BACKUP_CRON", "0 3 * * *");
    assert_eq!(faults(&backup.clone().with("STORE_URL", "sqlite::memory:")), ["BACKUP_CRON"]);
    assert_eq!(faults(&backup), ["BACKUP_DIR"]);
    let backup = backup.with("BACKUP_DIR", "/backups");
    let plan = Settings::read(&backup).unwrap().backup.unwrap();
    assert_eq!((plan.folder, plan.keep), (PathBuf::from("/backups"), 7));
    let said = Settings::read(&backup.with("STORE_URL", "mongodb://db/")).unwrap_err().to_string();
    assert!(said.contains("BACKUP_CRON") && said.contains("rekindle db export"), "{said}");
    assert!(Settings::read(&least().with("BACKUP_DIR", "/backups")).unwrap().backup.is_none());
}

#[test]
fn traces_go_where_an_endpoint_is_named() {
    let environment = least().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let telemetry = Settings::read(&environment.with("OTEL_TRACES_SAMPLER_ARG", "0.25")).unwrap().telemetry.unwrap();
    assert_eq!((telemetry.endpoint.as_str(), telemetry.service_name.as_str()), ("http://127.0.0.1:4318", "rekindle"));
    assert!((telemetry.sample - 0.25).abs() < f64::EPSILON);
    let secret = least().with("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:hunter2@traces.example.org");
    assert_eq!(faults(&secret), ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
}

#[test]
fn every_default_of_the_table_is_right() {
    for setting in t::ALL {
        for value in [setting.default, setting.in_dev].into_iter().flatten() {
            let set = Settings::read(&least().with(setting.name, value));
            assert!(set.is_ok(), "{} = {value}: {set:?}", setting.name);
        }
        if let t::Kind::Choice(words) = setting.kind {
            for word in words {
                assert!(Settings::read(&least().with(setting.name, *word)).is_ok(), "{} = {word}", setting.name);
            }
        }
    }
}

#[test]
fn the_schema_has_every_setting_that_a_file_may_have() {
    let schema = rekindle_settings::json_schema(&t::TABLE);
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), t::ALL.len() - 1, "all but CONFIG_DIR");
    assert_eq!(properties["stall_threshold_ms"]["minimum"], 100);
    assert_eq!(properties["stall_threshold_ms"]["default"], 180_000);
    assert_eq!(properties["log_format"]["enum"][1], "pretty");
    assert_eq!(properties["otel_traces_sampler_arg"]["default"], 1.0);
    assert_eq!(schema["additionalProperties"], false);
}
