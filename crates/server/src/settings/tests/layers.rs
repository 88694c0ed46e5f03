//! Which layer wins.

use std::fs;
use std::path::Path;

use rekindle_settings::{Command, Environment, Flag, Layers, Setting, Sources};

use crate::settings::Settings;
use crate::settings::table::{
    API_KEYS, CONFIG_DIR, ENVIRONMENT, LOG_LEVEL, MAX_IN_FLIGHT, PORT, RETENTION_DAYS, STALL_THRESHOLD_MS, STORE_URL,
    TABLE,
};

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

/// A working folder with these files. The layers name it, so that the process' own is not looked at.
fn ground(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn sources(ground: &Path, environment: &[(&str, &str)]) -> Sources {
    let folder = ground.join("config").display().to_string();
    let environment: Environment = environment.iter().copied().collect();
    let environment = environment.with("CONFIG_DIR", folder);
    Sources { dot_env: Some(ground.join(".env")), with_files: true, ..Sources::of_environment(&TABLE, environment) }
}

fn flag(name: &'static str, setting: &'static Setting, value: &str) -> Flag {
    Flag { name, setting, value: value.to_owned() }
}

/// A value, and the end of the words for where it comes from.
#[track_caller]
fn comes(layers: &Layers, setting: &Setting, value: &str, from: &str) {
    assert_eq!(layers.text(setting), Some(value), "{}", setting.name);
    let source = layers.source(setting).to_string();
    assert!(source.ends_with(from), "{} comes from {source}, and should from {from}", setting.name);
}

#[test]
fn each_layer_wins_over_those_before_it() {
    let base =
        "[rekindle]\nport = 1\nlog_level = \"warn\"\nretention_days = 1\nmax_in_flight = 1\nstall_threshold_ms = 101\n";
    let files = [
        ("config/base.toml", base),
        ("config/prod.toml", "[rekindle]\nport = 2\nlog_level = \"debug\"\nretention_days = 2\nmax_in_flight = 2\n"),
        ("config/dev.toml", "[rekindle]\nport = 9\n"),
        (".env", "PORT=3\nLOG_LEVEL=error\nRETENTION_DAYS=3\n"),
    ];
    let ground = ground(&files);
    let mut sources = sources(ground.path(), &[("PORT", "4"), ("LOG_LEVEL", "trace"), ("MAX_IN_FLIGHT", " ")]);
    sources.flags = vec![flag("--port", &PORT, "5")];
    let layers = sources.gather();
    comes(&layers, &PORT, "5", "--port");
    comes(&layers, &LOG_LEVEL, "trace", "environment");
    comes(&layers, &RETENTION_DAYS, "3", ".env");
    comes(&layers, &MAX_IN_FLIGHT, "2", "config/prod.toml, max_in_flight");
    comes(&layers, &STALL_THRESHOLD_MS, "101", "config/base.toml, stall_threshold_ms");
    comes(&layers, &ENVIRONMENT, "production", "default");
    let files: Vec<_> = layers.files().iter().map(|file| file.strip_prefix(ground.path()).unwrap()).collect();
    assert_eq!(files, ["config/base.toml", "config/prod.toml", ".env"].map(Path::new));
    assert!(layers.faults().is_empty(), "{:?}", layers.faults());
}

#[test]
fn where_a_server_stands_chooses_the_second_file() {
    let files = [
        ("config/dev.toml", "[rekindle]\nport = 1\n"),
        ("config/prod.toml", "[rekindle]\nport = 2\n"),
        ("config/staging.toml", "[rekindle]\nport = 3\n"),
        ("outside.toml", "[rekindle]\nport = 4\n"),
    ];
    let ground = ground(&files);
    let port = |word: &str| sources(ground.path(), &[("ENVIRONMENT", word)]).gather().text(&PORT).map(str::to_owned);
    for (word, value) in [("development", "1"), ("production", "2"), ("staging", "3"), ("dev", "1"), ("qa", "3000")] {
        assert_eq!(port(word).as_deref(), Some(value), "{word}");
    }
    assert_eq!(port("../outside").as_deref(), Some("3000"), "a word leads nowhere else");
    fs::write(ground.path().join("config/base.toml"), "[rekindle]\nenvironment = \"staging\"\n").unwrap();
    assert_eq!(port("").as_deref(), Some("3"), "the base may say it");
    fs::write(ground.path().join(".env"), "ENVIRONMENT=development\n").unwrap();
    assert_eq!(port("").as_deref(), Some("1"), "and .env wins over it");
    assert_eq!(port("production").as_deref(), Some("2"));
}

#[test]
fn a_folder_that_was_named_must_be_there() {
    let ground = ground(&[]);
    let mut sources = sources(ground.path(), &[("API_KEYS", KEY), ("STORE_URL", "sqlite::memory:")]);
    assert!(Settings::of(&sources.gather()).is_ok());
    sources.flags = vec![flag("--config", &CONFIG_DIR, "/no/such/folder")];
    let said = Settings::of(&sources.gather()).unwrap_err().to_string();
    assert!(said.contains("CONFIG_DIR") && said.contains("/no/such/folder") && said.contains("(--config)"), "{said}");
}

#[test]
fn faults_of_all_layers_come_together() {
    let ground = ground(&[("config/base.toml", "[rekindle]\nprot = 1\n"), (".env", "RETENTION_DAYS=many\n")]);
    let mut sources = sources(ground.path(), &[("API_KEYS", KEY), ("STORE_URL", "sqlite::memory:")]);
    sources.environment = sources.environment.with("STALL_TRESHOLD_MS", "5").with("SSL_CERT_FILE", "x");
    sources.flags = vec![flag("--port", &PORT, "high")];
    let said = Settings::of(&sources.gather()).unwrap_err();
    let names: Vec<_> = said.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["prot", "STALL_TRESHOLD_MS", "PORT", "RETENTION_DAYS"]);
    let said = said.to_string();
    assert!(said.contains("and is \"high\" (--port)") && said.contains("/.env)"), "{said}");
}

#[test]
fn of_the_stores_two_names_the_later_layers_counts() {
    let ground = ground(&[
        ("config/base.toml", "[rekindle]\nstore_url = \"sqlite:a.db\"\n"),
        ("config/prod.toml", "[rekindle]\nmongodb_uri = \"mongodb://db/\"\n"),
    ]);
    let mut sources = sources(ground.path(), &[("API_KEYS", KEY)]);
    assert_eq!(Settings::of(&sources.gather()).unwrap().store_from, "MONGODB_URI");
    sources.flags = vec![flag("--store-url", &STORE_URL, "sqlite:b.db")];
    assert_eq!(Settings::of(&sources.gather()).unwrap().store.to_string(), "sqlite:b.db");
}

#[test]
fn a_command_chooses_what_nobody_set_and_lets_its_own_key_in() {
    let ground = ground(&[("config/dev.toml", "[rekindle]\nport = 1\n")]);
    let mut sources = sources(ground.path(), &[]);
    let other = "00000000-0000-4000-8000-000000000007";
    let command = Command {
        name: "rekindle dev",
        chosen: vec![(&STORE_URL, "sqlite:d.db".to_owned())],
        added: vec![(&API_KEYS, KEY.to_owned())],
    };
    sources.command = Some(command);
    let layers = sources.gather();
    comes(&layers, &PORT, "1", "dev.toml, port");
    comes(&layers, &STORE_URL, "sqlite:d.db", "chosen by rekindle dev");
    comes(&layers, &ENVIRONMENT, "development", "default");
    assert_eq!(layers.text(&API_KEYS), Some(KEY));
    sources.environment = sources.environment.with("API_KEYS", other);
    assert_eq!(sources.gather().text(&API_KEYS), Some(format!("{other},{KEY}").as_str()));
    assert!(!format!("{sources:?}").contains(KEY), "a key is shown");
}
