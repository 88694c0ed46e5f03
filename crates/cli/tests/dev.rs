//! `rekindle dev` and `rekindle serve` as processes: the first run, the files, and every reason for which they refuse
//! to start.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::Value;
use support::{Dev, Process, call, rekindle, text, until};

#[expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]
fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_run_creates_the_data_folder_and_prints_the_next_commands() {
    let mut dev = Dev::start();
    assert_eq!(mode(&dev.data().join("api-key")), 0o600);
    assert!(dev.data().join("rekindle.db").is_file());
    assert_eq!(fs::read_to_string(dev.data().join(".gitignore")).unwrap(), "*\n");
    let note: Value = serde_json::from_slice(&fs::read(dev.data().join("server.json")).unwrap()).unwrap();
    assert_eq!(note["pid"], dev.process.as_ref().unwrap().child.id());
    let (url, key) = (dev.url(), dev.key());

    // A command in a subfolder finds the server without options.
    let below = dev.folder().join("a/b");
    fs::create_dir_all(&below).unwrap();
    let created = call(&below, ["--json", "session", "create", "--project", "p"]).json();
    assert_eq!(created["status"], "active");

    let left = dev.stop().expect_code(0);
    let said = left.out() + &left.err();
    for part in [url.as_str(), "api-key", "/api/docs", "rekindle run", "rekindle status"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert!(!said.contains(&key), "the key itself is shown: {said}");
    assert!(!dev.data().join("server.json").exists());

    dev.start_again();
    assert_eq!(dev.key(), key);
    assert_eq!(dev.json(&["session", "list"])["total"], 1);
}

#[test]
fn a_killed_server_can_be_restarted_on_the_same_folder() {
    let mut dev = Dev::start();
    let id = text(&dev.json(&["session", "create", "--project", "p"]), "session_id");
    let url = dev.url();
    dev.kill();
    let left = dev.call(&["session", "list"]).expect_code(4);
    assert!(left.err().contains(&url) && left.err().contains("rekindle dev"), "{}", left.err());
    dev.start_again();
    assert_eq!(dev.json(&["session", "show", &id])["status"], "active");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let dev = Dev::start();
    let left = dev.call(&["dev", "--port", "0"]).expect_code(1);
    let pid = dev.process.as_ref().unwrap().child.id().to_string();
    assert!(left.err().contains(&dev.url()) && left.err().contains(&pid), "{}", left.err());
    assert_eq!(dev.json(&["session", "list"])["total"], 0, "the first one goes on");
}

#[test]
fn a_port_in_use_is_reported_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let left = call(dir.path(), ["dev", "--port", &port]).expect_code(1);
    assert!(left.err().contains(&port) && left.err().contains("--port 0"), "{}", left.err());
    let left = Process::start(rekindle(dir.path()).arg("dev").env("PORT", &port)).wait().expect_code(1);
    assert!(left.err().contains(&port), "{}", left.err());
}

#[test]
fn a_key_file_readable_by_others_is_restricted_and_reported() {
    let mut dev = Dev::start();
    let key = dev.key();
    dev.stop().expect_code(0);
    fs::set_permissions(dev.data().join("api-key"), fs::Permissions::from_mode(0o644)).unwrap();
    dev.start_again();
    assert_eq!((mode(&dev.data().join("api-key")), dev.key()), (0o600, key));
    let left = dev.stop();
    assert!(left.err().contains("0600"), "{}", left.err());
}

#[test]
fn a_folder_of_another_name_is_used_with_the_data_flag() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(rekindle(dir.path()).args(["dev", "--data", "state", "--port", "0"]));
    until("dev listens", || dir.path().join("state/server.json").exists().then_some(()));
    assert!(!dir.path().join(".rekindle").exists());
    assert_eq!(call(dir.path(), ["--json", "--data", "state", "session", "list"]).json()["total"], 0);
    call(dir.path(), ["session", "list"]).expect_code(78);
    process.signal(Signal::SIGINT);
    process.wait().expect_code(0);
}

#[test]
fn all_invalid_settings_are_reported_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = rekindle(dir.path());
    command.args(["dev", "--port", "0"]).env("STALL_THRESHOLD_MS", "soon").env("RETENTION_DAYS", "-1");
    let left = Process::start(&mut command).wait().expect_code(78);
    assert!(left.err().contains("STALL_THRESHOLD_MS") && left.err().contains("RETENTION_DAYS"), "{}", left.err());
    assert!(!left.err().contains("DETECT_INTERVAL_MS"), "{}", left.err());

    let left = call(dir.path(), ["serve"]).expect_code(78);
    assert!(left.err().contains("API_KEYS") && left.err().contains("STORE_URL"), "{}", left.err());
}

#[test]
fn serve_reads_every_setting_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let port = support::free_port().to_string();
    let (key, url) = ("6fa459ea-ee8a-4ca4-894e-db77e160355e", format!("http://127.0.0.1:{port}"));
    let store = format!("sqlite:{}", dir.path().join("r.db").display());
    let server = || {
        let mut command = rekindle(dir.path());
        command.arg("serve").env("API_KEYS", key).env("PORT", &port).env("STORE_URL", &store);
        command.env("RATE_LIMIT_PER_MINUTE", "0");
        Process::start(&mut command)
    };
    let list = || {
        let mut command = rekindle(dir.path());
        command.args(["--json", "--url", &url, "--api-key", key, "session", "list"]);
        Process::start(&mut command).wait()
    };
    let first = server();
    until("it listens", || (list().code() == Some(0)).then_some(()));
    let second = server().wait().expect_code(1);
    assert!(second.err().contains(&port), "{}", second.err());
    first.signal(Signal::SIGTERM);
    first.wait().expect_code(0);
    list().expect_code(4);
}
