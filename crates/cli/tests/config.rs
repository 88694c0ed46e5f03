//! Settings from files, `.env`, the environment and flags, as the program reads them; and `rekindle config`, which
//! shows and checks them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::{Dev, Left, Process, call, rekindle, until};
use tempfile::TempDir;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

#[expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]
fn ground(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn complete() -> TempDir {
    let prod = format!("[rekindle]\nstore_url = \"mongodb://me:hunter2@db/\"\nport = 0\napi_keys = [\"{KEY}\"]\n");
    ground(&[
        ("config/base.toml", "[rekindle]\nstall_threshold_ms = 2000\nretention_days = 7\n"),
        ("config/prod.toml", &prod),
        (".env", "RETENTION_DAYS=8\nOTHER=hunter2\n"),
    ])
}

#[track_caller]
fn with(folder: &Path, args: &[&str], set: &[(&str, &str)]) -> Left {
    Process::start(rekindle(folder).args(args).envs(set.iter().copied())).wait()
}

/// Returns the value and the source of a setting as `config show` prints them.
#[track_caller]
fn shown(all: &Value, name: &str) -> (Option<String>, String) {
    let settings = all["settings"].as_array().into_iter().flatten();
    let one = settings.into_iter().find(|one| one["name"] == name);
    let one = one.cloned().unwrap_or_default();
    (one["value"].as_str().map(str::to_owned), support::text(&one, "source"))
}

#[test]
fn show_prints_every_value_with_its_source_and_masks_secrets() {
    let folder = complete();
    let set = [("MAX_IN_FLIGHT", "9")];
    let all = with(folder.path(), &["--json", "config", "show", "--port", "5"], &set).json();
    let printed = |name| {
        let (value, source) = shown(&all, name);
        (value.unwrap_or_default(), source)
    };
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(printed("STALL_THRESHOLD_MS"), pair("2000", "config/base.toml, stall_threshold_ms"));
    assert_eq!(printed("STORE_URL"), pair("mongodb://me:***@db/", "config/prod.toml, store_url"));
    assert_eq!(printed("API_KEYS"), pair("***", "config/prod.toml, api_keys"));
    assert_eq!(printed("RETENTION_DAYS"), pair("8", ".env"));
    assert_eq!(printed("MAX_IN_FLIGHT"), pair("9", "environment"));
    assert_eq!(printed("PORT"), pair("5", "--port"));
    assert_eq!(printed("HOST"), pair("127.0.0.1", "default"));
    assert_eq!(all["files"], serde_json::json!(["config/base.toml", "config/prod.toml", ".env"]));

    let left = with(folder.path(), &["config", "show"], &[]).expect_code(0);
    let line = left.out().lines().find(|line| line.starts_with("RETENTION_DAYS ")).map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains(" 8 ") && line.ends_with(".env")), "{}", left.out());
    for said in [left.out(), left.err(), all.to_string()] {
        assert!(!said.contains("hunter2") && !said.contains(KEY), "{said}");
    }
}

#[test]
fn show_also_prints_invalid_settings() {
    let folder = ground(&[("config/base.toml", "[rekindle]\nport = 70000\n")]);
    let left = with(folder.path(), &["config", "show"], &[]).expect_code(0);
    assert!(left.out().contains("70000"), "{}", left.out());
    assert!(left.err().contains("PORT must be") && left.err().contains("API_KEYS is missing"), "{}", left.err());
}

#[test]
fn check_reports_all_faults_at_once_with_their_sources() {
    let folder = complete();
    let left = call(folder.path(), ["config", "check"]).expect_code(0);
    assert!(left.out().starts_with("configuration is complete\n"), "{}", left.out());

    fs::write(folder.path().join(".env"), "STALL_TRESHOLD_MS=1\nDETECT_INTERVAL_MS=1\n").ok();
    let set = [("ENVIRONMENT", "development"), ("LOG_LEVEL", "loud")];
    let left = with(folder.path(), &["config", "check", "--log-format", "xml"], &set).expect_code(78);
    for part in [
        "STORE_URL is missing",
        "API_KEYS is missing",
        "STALL_TRESHOLD_MS is no setting; did you mean STALL_THRESHOLD_MS? (.env)",
        "DETECT_INTERVAL_MS must be an integer from 50 to 600000, and is \"1\" (.env)",
        "LOG_LEVEL must be error, warn, info, debug or trace, and is \"loud\" (environment)",
        "LOG_FORMAT must be json or pretty, and is \"xml\" (--log-format)",
    ] {
        assert!(left.err().contains(part), "{part} is not in: {}", left.err());
    }
    assert!(!left.err().contains("RETENTION_DAYS"), "{}", left.err());
    let left = call(folder.path(), ["config", "check", "--config", "nowhere"]).expect_code(78);
    assert!(left.err().contains("CONFIG_DIR") && left.err().contains("(--config)"), "{}", left.err());
}

#[test]
fn schema_is_a_valid_json_schema() {
    let folder = ground(&[]);
    let schema = call(folder.path(), ["config", "schema"]).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["port"]["maximum"], 65_535);
}

#[test]
fn serve_reads_settings_from_every_layer() {
    let port = support::free_port().to_string();
    let env = format!("API_KEYS={KEY}\nPORT=1\n");
    let prod = "[rekindle]\nlog_format = \"pretty\"\nstore_url = \"sqlite:r.db\"\nrate_limit_per_minute = 0\n";
    let folder = ground(&[("settings/prod.toml", prod), (".env", &env)]);
    let server = Process::start(rekindle(folder.path()).args([
        "serve",
        "--port",
        &port,
        "--config",
        "settings",
        "--log-format",
        "json",
    ]));
    let url = format!("http://127.0.0.1:{port}");
    let list = || call(folder.path(), ["--json", "--url", &url, "--api-key", KEY, "session", "list"]);
    until("it listens", || (list().code() == Some(0)).then_some(()));
    server.signal(Signal::SIGTERM);
    let left = server.wait().expect_code(0);
    let first: Value = serde_json::from_str(left.err().lines().next().unwrap_or_default()).unwrap_or_default();
    assert_eq!(
        (&first["message"], &first["context"]["store"]),
        (&"Starting".into(), &"sqlite:r.db".into()),
        "{}",
        left.err()
    );
    assert_eq!(first["context"]["settings_files"], "settings/prod.toml, .env");
    assert!(folder.path().join("r.db").is_file());
}

#[test]
fn dev_ignores_the_files_of_the_users_project() {
    let files = [
        (".env", "PORT=none of yours\nSTALL_THRESHOLD_MS=1\nSTORE_URI=postgres://me:hunter2@db/\n"),
        ("config/base.toml", "[server]\nport = \"x\"\n"),
        ("config/dev.toml", "this is = no [ toml"),
        (".rekindle/.env", "STALL_THRESHOLD_MS=300\nDETECT_INTERVAL_MS=50\nLOG_FORMAT=json\n"),
    ];
    let folder = ground(&files);
    let process = Process::start(rekindle(folder.path()).args(["dev", "--port", "0"]));
    let note = folder.path().join(".rekindle/server.json");
    until("dev listens", || note.exists().then_some(()));
    let created = call(folder.path(), ["--json", "session", "create", "--project", "p"]).json();
    let id = support::text(&created, "session_id");
    until("what our own file says holds", || {
        let session = call(folder.path(), ["--json", "session", "show", &id]).json();
        (session["status"] == "stalled").then_some(())
    });
    process.signal(Signal::SIGTERM);
    let left = process.wait().expect_code(0);
    assert!(left.err().contains("\"settings_files\":\".rekindle/.env\""), "{}", left.err());
}

#[test]
fn dev_with_a_log_file_still_prints_its_url() {
    let mut dev = Dev::with(&[("LOG_FILE", "rekindle.log")]);
    let url = dev.url();
    let left = dev.stop().expect_code(0);
    assert!(left.out().contains(&url), "{}", left.out());
    assert_eq!(left.err(), "");
    let log = fs::read_to_string(dev.folder().join("rekindle.log")).unwrap_or_default();
    assert!(log.contains("Starting") && log.contains(&url) && log.ends_with("Stopped\n"), "{log}");
}

/// The folder of the shipped settings files.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

#[test]
fn the_shipped_files_change_no_documented_default() {
    let folder = ground(&[]);
    let config = shipped().display().to_string();
    for environment in ["production", "development"] {
        let set = [("ENVIRONMENT", environment)];
        let without = with(folder.path(), &["--json", "config", "show"], &set).json();
        let shipped = with(folder.path(), &["--json", "config", "show", "--config", &config], &set).json();
        assert_eq!(shipped["files"].as_array().map(Vec::len), Some(2), "{shipped}");
        let names = without["settings"].as_array().into_iter().flatten().map(|one| support::text(one, "name"));
        let changed: Vec<_> = names.filter(|name| shown(&without, name).0 != shown(&shipped, name).0).collect();
        let expected: &[&str] = match environment {
            "development" => &["CONFIG_DIR", "LOG_HEARTBEAT_SAMPLE"],
            _ => &["CONFIG_DIR"],
        };
        assert_eq!(changed, expected, "{environment}");
    }
}

#[test]
fn every_example_in_the_shipped_files_is_valid() {
    let folder = ground(&[]);
    for (name, environment) in [("base.toml", "qa"), ("prod.toml", "production"), ("dev.toml", "development")] {
        let text = fs::read_to_string(shipped().join(name)).unwrap_or_default();
        let is_example = |line: &&str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let lines = text.lines().map(|line| {
            let example = line.strip_prefix("# ").filter(is_example);
            example.unwrap_or(line)
        });
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        assert!(text.contains("[rekindle]"), "{name} is read");
        fs::write(folder.path().join(name), text).ok();
        let set = [("STORE_URL", "sqlite:r.db"), ("API_KEYS", KEY), ("ENVIRONMENT", environment)];
        let config = folder.path().display().to_string();
        with(folder.path(), &["config", "check", "--config", &config], &set).expect_code(0);
    }
}
