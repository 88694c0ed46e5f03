//! What is taken from files, and what is left alone.

use std::path::PathBuf;

use super::*;
use crate::test_table::TABLE;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn said(text: &str) -> (Vec<(&'static str, Option<String>)>, Vec<String>) {
    let (folder, path) = file("base.toml", text);
    let said = toml(&TABLE, &path, false, true);
    let values = said.values.into_iter().map(|(setting, text)| (setting.name, text)).collect();
    let shown = |fault: SettingFault| {
        format!("{} {}", fault.name, fault.message).replace(&folder.path().display().to_string(), "config")
    };
    (values, said.faults.into_iter().map(shown).collect())
}

#[test]
fn values_of_every_kind_are_read() {
    let text = "[rekindle]\nport = 8080\nlog_level = \"debug\"\notel_traces_sampler_arg = 0.5\n\
                cors_allowed_origins = [\"https://a.example\", \"https://b.example\"]\n[other]\nport = \"x\"\n";
    let (mut values, faults) = said(text);
    values.sort();
    let text = |text: &str| Some(text.to_owned());
    let expected = [
        ("CORS_ALLOWED_ORIGINS", text("https://a.example,https://b.example")),
        ("LOG_LEVEL", text("debug")),
        ("OTEL_TRACES_SAMPLER_ARG", text("0.5")),
        ("PORT", text("8080")),
    ];
    assert_eq!(values, expected);
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn what_a_file_must_not_say_is_told_with_the_file_and_the_name_in_it() {
    let text = "[rekindle]\nstall_treshold_ms = 5\ncolour = \"red\"\nport = \"80\"\napi_keys = 7\nconfig_dir = \"x\"\nPORT = 1\n";
    let (values, faults) = said(text);
    assert_eq!(values, [("API_KEYS", None), ("PORT", None)], "what was refused is not looked at again");
    let expected = [
        "PORT is no setting; did you mean port? (config/base.toml)",
        "API_KEYS must be a list of strings, or one string with commas (config/base.toml, api_keys)",
        "colour is no setting; `rekindle config schema` lists them all (config/base.toml)",
        "CONFIG_DIR chooses the files, and so can be set only in the environment or by --config (config/base.toml, config_dir)",
        "PORT must be an integer from 0 to 65535, and is \"80\" (config/base.toml, port)",
        "stall_treshold_ms is no setting; did you mean stall_threshold_ms? (config/base.toml)",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    for text in ["[server]\nport = \"x\"\n", "this is = no [ toml", "", "rekindled = 1"] {
        let (_folder, path) = file("base.toml", text);
        let said = toml(&TABLE, &path, false, true);
        assert!(!said.is_ours && said.faults.is_empty() && said.values.is_empty(), "{text:?}");
    }
    assert!(!toml(&TABLE, Path::new("no/such/file.toml"), true, true).is_ours);
}

#[test]
fn a_file_of_ours_that_is_no_toml_says_where_and_shows_nothing() {
    for (text, is_named) in [("[rekindle]\nport = 1\napi_keys = \"hunter2\n", false), ("a\nport = hunter2 x\n", true)] {
        let (_folder, path) = file("base.toml", text);
        let fault = toml(&TABLE, &path, is_named, true).faults.remove(0);
        assert!(fault.message.contains("line ") && fault.name.ends_with("base.toml"), "{fault:?}");
        assert!(!fault.message.contains("hunter2"), "{fault:?}");
    }
    assert!(said("rekindle = 3").1[0].contains("[rekindle]"));
}

#[test]
fn only_the_base_says_where_the_server_stands() {
    let (_folder, path) = file("prod.toml", "[rekindle]\nenvironment = \"staging\"\n");
    assert_eq!(toml(&TABLE, &path, false, false).faults[0].name, "ENVIRONMENT");
    assert!(toml(&TABLE, &path, false, true).faults.is_empty());
}

#[test]
fn a_dot_env_may_hold_other_programs_names_and_no_slips() {
    let text = "\u{feff}# ours\nPORT=1\nexport PORT=8080\nLOG_FILE='a b.log'\nMY_TOKEN=x\nSTALL_TRESHOLD_MS=5\nbroken hunter2\n";
    let (_folder, path) = file(".env", text);
    let said = dot_env(&TABLE, &path);
    let values: Vec<_> = said.values.iter().map(|(setting, text)| (setting.name, text.as_deref())).collect();
    assert_eq!(values, [("PORT", Some("8080")), ("LOG_FILE", Some("a b.log"))]);
    assert_eq!(said.faults.len(), 2, "{:?}", said.faults);
    assert!(said.faults[0].message.contains("did you mean STALL_THRESHOLD_MS?"), "{:?}", said.faults);
    assert!(said.faults[1].message.contains("line 7"), "{:?}", said.faults);
    assert!(!said.faults[1].message.contains("hunter2"), "{:?}", said.faults);
}

#[test]
fn a_folder_called_dot_env_is_no_file_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    assert!(dot_env(&TABLE, folder.path()).faults.is_empty());
}
