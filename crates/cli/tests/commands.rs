//! The commands of the client with a real server: every command with `--json`, the tables for people, and the exit
//! codes.

mod support;

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use support::{Dev, Process, call, free_port, rekindle, text, until};

const UNKNOWN: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn status(of: &Value) -> String {
    text(of, "status")
}

#[test]
fn every_session_command_works() {
    let dev = Dev::start();
    let created =
        dev.json(&["session", "create", "--project", "p", "--machine", "m", "--slot", "2", "--metadata", r#"{"k":1}"#]);
    let id = &text(&created, "session_id");
    assert_eq!((created["docker_slot"].as_u64(), created["metadata"]["k"].as_u64()), (Some(2), Some(1)));
    assert_eq!(dev.json(&["session", "show", id])["session_id"], created["session_id"]);
    let beat = dev.json(&["session", "beat", id, "--task", "t1", "--metadata", r#"{"k":null,"n":2}"#]);
    assert_eq!(
        (text(&beat, "current_task_id"), beat["metadata"].clone()),
        ("t1".to_owned(), serde_json::json!({"n": 2}))
    );
    assert!(beat["next_heartbeat_ms"].as_u64().unwrap() > 0);
    assert!(dev.json(&["session", "beat", id, "--no-task"])["current_task_id"].is_null());
    assert_eq!(status(&dev.json(&["session", "pause", id])), "paused");
    assert_eq!(status(&dev.json(&["session", "resume", id])), "active");
    assert_eq!(dev.json(&["session", "health", id])["is_healthy"], true);
    assert_eq!(status(&dev.json(&["session", "stall", id])), "stalled");
    let prepared = dev.json(&["session", "prepare-recovery", id, "--release-slot"]);
    assert!(prepared["metadata"]["recovery"]["prepared_at"].is_string() && prepared["docker_slot"].is_null());
    dev.call(&["task", "create", "--session", id, "--name", "left"]).expect_code(0);
    let state = dev.json(&["session", "recovery-state", id]);
    assert_eq!(state["pending_tasks"][0]["task_name"], "left");

    let successor = dev.json(&["session", "recover", id, "--machine", "m2"]);
    let again = dev.call(&["--json", "session", "recover", id, "--machine", "m3"]);
    assert_eq!(again.json()["session_id"], successor["session_id"]);
    assert!(
        again.err().contains("recovered before") && again.err().contains("rekindle run --session"),
        "{}",
        again.err()
    );
    let next = &text(&successor, "session_id");
    let lineage = dev.json(&["session", "list", "--lineage", id]);
    assert_eq!(lineage["total"], 2);

    assert_eq!(status(&dev.json(&["session", "fail", next, "-m", "gave up"])), "failed");
    let archived = dev.json(&["session", "archive", next]);
    assert_eq!(archived["metadata"]["archived"], true);
    assert_eq!(dev.json(&["session", "list", "--archived"])["total"], 1);
    assert_eq!(dev.json(&["session", "list", "--archived", "false"])["total"], 1);
    assert_eq!(status(&dev.json(&["session", "show", id])), "completed");
    let dry = dev.json(&["cleanup", "--older-than-days", "0", "--dry-run"]);
    assert_eq!((dry["deleted_sessions"].as_u64(), dry["dry_run"].as_bool()), (Some(1), Some(true)));
    assert_eq!(dev.json(&["cleanup", "--older-than-days", "0"])["deleted_sessions"], 1);
    dev.call(&["session", "show", id]).expect_code(3);
    dev.call(&["session", "delete", next]).expect_code(0);
    assert_eq!(dev.json(&["session", "list"])["total"], 0);
    let other = text(&dev.json(&["session", "create", "--project", "q"]), "session_id");
    assert_eq!(status(&dev.json(&["session", "complete", &other])), "completed");
    assert_eq!(dev.json(&["detect"])["stalled_sessions"], 0);
}

#[test]
fn every_task_command_works() {
    let dev = Dev::start();
    let session = &text(&dev.json(&["session", "create", "--project", "p"]), "session_id");
    let created = dev.json(&[
        "task",
        "create",
        "--session",
        session,
        "--name",
        "n",
        "--issue",
        "I_1",
        "--metadata",
        r#"{"k":1}"#,
    ]);
    assert_eq!((text(&created, "project_id"), text(&created, "github_issue_id")), ("p".to_owned(), "I_1".to_owned()));
    let id = &text(&created, "task_id");
    assert_eq!(status(&dev.json(&["task", "start", id])), "in_progress");
    assert_eq!(dev.json(&["session", "show", session])["current_task_id"], created["task_id"]);
    assert_eq!(status(&dev.json(&["task", "block", id, "--metadata", r#"{"why":"x"}"#])), "blocked");
    assert_eq!(status(&dev.json(&["task", "reset", id])), "pending");
    let failed = dev.json(&["task", "fail", id, "-m", "no"]);
    assert_eq!((status(&failed), text(&failed, "error_message")), ("failed".to_owned(), "no".to_owned()));
    dev.call(&["task", "block", id]).expect_code(0);
    assert_eq!(status(&dev.json(&["task", "complete", id])), "completed");
    assert_eq!(dev.json(&["task", "show", id])["metadata"], serde_json::json!({"k": 1, "why": "x"}));
    assert_eq!(dev.json(&["task", "list", "--project", "p", "--status", "completed"])["total"], 1);
    assert_eq!(dev.json(&["task", "list", "--status", "in_progress"])["total"], 0);
    dev.call(&["task", "delete", id]).expect_code(0);
    dev.call(&["task", "show", id]).expect_code(3);
}

#[test]
fn every_machine_command_works() {
    let dev = Dev::start();
    let created = dev.json(&[
        "machine",
        "create",
        "--id",
        "m 1",
        "--hostname",
        "h",
        "--slots",
        "1,2",
        "--metadata",
        r#"{"k":1}"#,
    ]);
    assert_eq!(
        (text(&created, "machine_id"), created["docker_slots"].clone()),
        ("m 1".to_owned(), serde_json::json!([1, 2]))
    );
    assert_eq!(
        status(&dev.json(&["machine", "update", "m 1", "--status", "maintenance", "--slots", "3"])),
        "maintenance"
    );
    let shown = dev.json(&["machine", "show", "m 1"]);
    assert_eq!((status(&shown), shown["docker_slots"].clone()), ("maintenance".to_owned(), serde_json::json!([3])));
    let replaced = dev.json(&["machine", "register", "m 1", "--hostname", "h2"]);
    assert_eq!(
        (text(&replaced, "hostname"), replaced["docker_slots"].clone()),
        ("h2".to_owned(), serde_json::json!([]))
    );
    assert_eq!(text(&dev.json(&["machine", "register", "m2"]), "machine_id"), "m2");
    dev.json(&["machine", "update", "m2", "--status", "offline"]);
    assert_eq!(status(&dev.json(&["machine", "beat", "m2"])), "online");
    assert_eq!(dev.json(&["machine", "list", "--status", "online"])["machines"].as_array().unwrap().len(), 1);
    dev.call(&["machine", "create", "--id", "m2"]).expect_code(3);
    dev.call(&["machine", "delete", "m2"]).expect_code(0);
    assert_eq!(dev.json(&["machine", "list"])["total"], 1);
    for id in ["..", "."] {
        dev.call(&["machine", "show", id]).expect_code(2);
    }
}

#[test]
fn a_list_is_read_page_by_page_or_with_all() {
    let dev = Dev::start();
    for n in 0..5 {
        dev.json(&["session", "create", "--project", &format!("p{n}"), "--machine", "m"]);
    }
    let first = dev.json(&["session", "list", "--limit", "2"]);
    assert_eq!(first["sessions"][0]["project_id"], "p4");
    let second = dev.json(&["session", "list", "--limit", "2", "--cursor", &text(&first, "next_cursor")]);
    assert_eq!(second["sessions"][0]["project_id"], "p2");
    assert_eq!(dev.json(&["session", "list", "--offset", "4"])["sessions"][0]["project_id"], "p0");
    let all = dev.json(&["session", "list", "--all", "--limit", "2"]);
    let names: Vec<_> = all["sessions"].as_array().unwrap().iter().map(|one| text(one, "project_id")).collect();
    assert_eq!(names, ["p4", "p3", "p2", "p1", "p0"]);
    assert!(all["next_cursor"].is_null());
    assert_eq!(dev.json(&["session", "list", "--project", "p3", "--machine", "m", "--status", "active"])["total"], 1);
    let table = dev.call(&["session", "list", "--limit", "2"]).expect_code(0).out();
    assert!(table.contains("SESSION") && table.contains("ago") && table.contains("2 of 5; more with --all"), "{table}");
    dev.call(&["session", "list", "--all", "--offset", "1"]).expect_code(2);
    let ids = dev.call(&["session", "list", "--all", "--limit", "2", "--ids"]).expect_code(0).out();
    assert_eq!(ids.lines().count(), 5);
    assert!(ids.lines().all(|id| id.len() == 36), "{ids}");
    let none = dev.call(&["session", "list", "--status", "failed", "--ids"]).expect_code(0).out();
    assert_eq!(none, "", "for a loop over ids, none is none");
}

#[test]
fn tables_show_stored_text_without_control_characters() {
    let dev = Dev::start();
    let session = text(&dev.json(&["session", "create", "--project", "p"]), "session_id");
    dev.call(&["task", "create", "--session", &session, "--name", "\u{1b}[31mred\nand more"]).expect_code(0);
    for args in [&["task", "list"][..], &["session", "recovery-state", &session]] {
        let shown = dev.call(args).expect_code(0).out();
        assert!(shown.contains("[31mred and more") && !shown.contains('\u{1b}'), "{shown}");
    }
}

#[test]
fn status_lists_stalled_sessions_with_the_command_to_recover_them() {
    let dev = Dev::with(&[("STALL_THRESHOLD_MS", "300"), ("DETECT_INTERVAL_MS", "50")]);
    let calm = dev.call(&["status"]).expect_code(0).out();
    assert!(calm.starts_with("0 sessions"), "{calm}");
    let first = text(&dev.json(&["session", "create", "--project", "first"]), "session_id");
    dev.session("first", "stalled");
    let second = text(&dev.json(&["session", "create", "--project", "second"]), "session_id");
    dev.session("second", "stalled");
    let shown = dev.call(&["status"]).expect_code(0).out();
    assert!(shown.contains("2 stalled") && shown.contains(&format!("rekindle session recover {first}")), "{shown}");
    assert!(shown.find(&first) < shown.find(&second), "{shown}");
    let json = dev.json(&["status"]);
    assert_eq!((json["health"]["stalled_sessions"].as_u64(), json["stalled"]["total"].as_u64()), (Some(2), Some(2)));
}

#[test]
fn watch_continues_after_a_restart_of_the_server() {
    let mut dev = Dev::start();
    let watch = dev.begin(&["status", "--watch", "100ms"]);
    support::pause(std::time::Duration::from_secs(1));
    dev.kill();
    support::pause(std::time::Duration::from_secs(1));
    dev.start_again();
    support::pause(std::time::Duration::from_secs(1));
    watch.signal(Signal::SIGINT);
    let left = watch.wait();
    assert!(left.out().matches("0 sessions").count() > 4, "{}", left.out());
    assert_eq!(left.err().matches("cannot reach").count(), 1, "{}", left.err());
    assert!(!left.out().contains('\u{1b}'), "what is no terminal is appended to");
}

#[test]
fn exit_codes_distinguish_usage_refused_unreachable_and_configuration() {
    let dev = Dev::start();
    dev.call(&["session", "list", "--status", "asleep"]).expect_code(2);
    dev.call(&["session", "show", "no-uuid"]).expect_code(2);
    dev.call(&["session", "create", "--project", "p", "--metadata", "[]"]).expect_code(2);
    dev.call(&["frobnicate"]).expect_code(2);

    let refused = dev.call(&["session", "show", UNKNOWN]).expect_code(3);
    assert!(refused.out().is_empty() && refused.err().contains("request id: "), "{}", refused.err());
    let invalid = dev.call(&["session", "create", "--project", "", "--metadata", r#"{"archived":1}"#]).expect_code(3);
    assert!(
        invalid.err().contains("project_id: ") && invalid.err().contains("metadata.archived: "),
        "{}",
        invalid.err()
    );

    let unused = format!("http://127.0.0.1:{}", free_port());
    let lost = dev.call(&["--url", &unused, "session", "list"]).expect_code(4);
    assert!(lost.out().is_empty() && lost.err().contains(&unused), "{}", lost.err());

    let empty = tempfile::tempdir().unwrap();
    let keyless = call(empty.path(), ["session", "list"]).expect_code(78);
    assert!(keyless.err().contains("rekindle dev") && keyless.err().contains("REKINDLE_API_KEY"), "{}", keyless.err());
    dev.call(&["--url", "nonsense", "session", "list"]).expect_code(78);
}

#[test]
fn the_environment_overrides_the_folder_and_flags_the_environment() {
    let (dev, other) = (Dev::start(), Dev::start());
    other.json(&["session", "create", "--project", "p"]);
    let total = |args: &[&str], variables: &[(&str, String)]| {
        let mut command = rekindle(dev.folder());
        command
            .args(args)
            .args(["--json", "session", "list"])
            .envs(variables.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command).wait().json()["total"].as_u64()
    };
    let away = [("REKINDLE_URL", other.url()), ("REKINDLE_API_KEY", other.key())];
    assert_eq!(total(&[], &[]), Some(0));
    assert_eq!(total(&[], &away), Some(1));
    assert_eq!(total(&["--url", &dev.url(), "--api-key", &dev.key()], &away), Some(0));
}

#[test]
fn a_server_that_is_not_rekindle_is_recognized() {
    let dir = tempfile::tempdir().unwrap();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", stranger.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut caller, _) = stranger.accept().unwrap();
        let mut request = [0; 4096];
        let read = caller.read(&mut request).unwrap();
        caller.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnope\n").unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let left = call(dir.path(), ["--url", &url, "--api-key", UNKNOWN, "session", "list"]).expect_code(1);
    assert!(left.err().contains("not as a Rekindle server does"), "{}", left.err());
    assert!(answering.join().unwrap().to_lowercase().contains("x-api-key"));
}

#[test]
fn health_needs_no_key() {
    let dev = Dev::start();
    assert_eq!(dev.call(&["health"]).expect_code(0).out(), "alive\n");
    assert_eq!(dev.call(&["health", "--ready"]).expect_code(0).out(), "ready\n");
    assert_eq!(dev.json(&["health"])["status"], "ok");
    let url = text(
        &serde_json::from_str(&fs::read_to_string(dev.folder().join(".rekindle/server.json")).unwrap()).unwrap(),
        "url",
    );
    let elsewhere = tempfile::tempdir().unwrap();
    call(elsewhere.path(), ["health", "--url", &url]).expect_code(0);
    let closed = format!("http://127.0.0.1:{}", free_port());
    let silent = call(elsewhere.path(), ["health", "--url", &closed]).expect_code(4);
    assert!(silent.err().contains(&closed) && silent.err().contains("REKINDLE_URL"), "{}", silent.err());
    call(elsewhere.path(), ["health", "--url", "here"]).expect_code(78);
}

#[test]
fn completions_are_valid_scripts_of_their_shell() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = call(dir.path(), ["completions", shell]).expect_code(0).out();
        assert!(script.contains("recovery-state") && !script.contains("__guard"), "{shell}");
    }
    let script = call(dir.path(), ["completions", "bash"]).out();
    let path = dir.path().join("rekindle.bash");
    fs::write(&path, script).unwrap();
    let parsed = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
}

#[test]
fn help_lists_the_exit_codes_and_never_shows_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = rekindle(dir.path());
    let help = Process::start(command.arg("--help").env("REKINDLE_API_KEY", UNKNOWN)).wait().expect_code(0).out();
    assert!(help.contains("Exit codes") && help.contains("75") && !help.contains(UNKNOWN), "{help}");
}

#[test]
fn a_closed_stdout_is_no_error() {
    let dev = Dev::start();
    for n in 0..30 {
        dev.json(&["session", "create", "--project", &format!("p{n}")]);
    }
    let mut command = rekindle(dev.folder());
    let mut child = command
        .args(["session", "list", "--watch", "100ms"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = until("it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn keys_are_created_rotated_and_revoked() {
    let dev = Dev::start();
    let made = dev.json(&["key", "create", "--name", "ci", "--role", "worker", "--project", "p", "--expires", "90d"]);
    let (id, secret) = (&text(&made, "key_id"), text(&made, "secret"));
    assert_eq!((text(&made, "role"), text(&made, "project_id")), ("worker".to_owned(), "p".to_owned()));
    let with = |secret: &str, args: &[&str]| dev.call_with(&[("REKINDLE_API_KEY", secret)], args);
    with(&secret, &["session", "create", "--project", "p"]).expect_code(0);
    let refused = with(&secret, &["key", "list"]).expect_code(3);
    assert!(refused.err().contains("admin"), "{}", refused.err());
    let new = dev.json(&["key", "rotate", id, "--overlap", "1h"]);
    assert_ne!(text(&new, "secret"), secret);
    for secret in [&secret, &text(&new, "secret")] {
        with(secret, &["session", "list"]).expect_code(0);
    }
    assert_eq!(text(&dev.json(&["key", "revoke", id]), "state"), "revoked");
    with(&secret, &["session", "list"]).expect_code(3);
    let table = dev.call(&["key", "list"]).expect_code(0).out();
    assert!(table.contains("revoked") && table.contains("valid") && !table.contains(&secret), "{table}");
    let shown = dev.call(&["key", "create", "--role", "reader"]).expect_code(0);
    assert!(shown.out().contains("secret") && shown.err().contains("this once"), "{}", shown.err());
    let trail = dev.json(&["audit", "--key", id]);
    // Refusals are written beside the requests, and may be there already.
    let kinds: Vec<_> = trail["events"].as_array().unwrap().iter().map(|event| text(event, "kind")).collect();
    assert!(kinds.contains(&"session.created".to_owned()), "{kinds:?}");
    let table = dev.call(&["audit", "--kind", "key.revoked"]).expect_code(0).out();
    assert!(table.contains(&format!("key {id}")), "{table}");
    dev.call(&["key", "create", "--role", "king"]).expect_code(2);
    dev.call(&["key", "create", "--role", "worker", "--expires", "1h"]).expect_code(2);
}
