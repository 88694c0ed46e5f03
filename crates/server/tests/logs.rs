//! The log of a server process: it never has a secret in it, and the process continues whatever happens to the log.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use support::KEY;
use support::logged::{PATIENCE, Process, program};
use tokio::time::{sleep, timeout};

/// Texts that must never be in a log: the key, an unknown key, and samples of passwords and metadata values.
const UNKNOWN_KEY: &str = "11111111-2222-4333-8444-555555555555";
const SECRETS: [&str; 4] = [KEY, UNKNOWN_KEY, "hunter2", "swordfish"];

#[track_caller]
fn shows_none(log: &str, of: &str) {
    for secret in SECRETS {
        let found = log.lines().find(|line| line.to_lowercase().contains(secret));
        assert!(found.is_none(), "{secret} is in {of}: {found:?}");
    }
}

/// Returns every operation of the OpenAPI document, with these ids in its path.
fn operations(ids: &[&str]) -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&rekindle_http::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method) {
                operations.extend(ids.iter().map(|id| (method.clone(), path.replace("{id}", id))));
            }
        }
    }
    operations
}

#[tokio::test]
async fn no_secret_is_in_the_log_of_a_busy_server() {
    let more = [
        ("LOG_LEVEL", "trace"),
        ("LOG_HEARTBEAT_SAMPLE", "1"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("STALL_THRESHOLD_MS", "500"),
        ("DETECT_INTERVAL_MS", "50"),
        ("MAX_BODY_BYTES", "20000"),
    ];
    let mut process = Process::start(&more).await;
    let metadata = json!({ "password": "hunter2", "nested": { "token": ["swordfish"] } });
    let create = json!({ "project_id": "p", "machine_id": "m", "metadata": metadata });
    let created = process.request(Method::POST, "/api/sessions").json(&create).send().await.unwrap();
    let session = created.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned();
    let task = json!({ "session_id": session, "project_id": "p", "task_name": "t", "metadata": metadata });
    let created = process.request(Method::POST, "/api/tasks").json(&task).send().await.unwrap();
    let task = created.json::<Value>().await.unwrap()["task_id"].as_str().unwrap().to_owned();
    let machine = json!({ "machine_id": "m", "hostname": "h", "docker_slots": [], "metadata": metadata });
    process.request(Method::POST, "/api/machines").json(&machine).send().await.unwrap();

    let bodies = [
        json!({ "project_id": "p", "machine_id": "m2", "hostname": "h", "docker_slots": [], "metadata": metadata }),
        json!({ "metadata": "hunter2" }),
        json!({ "metadata": { "archived": "hunter2" }, "status": { "swordfish": 1 }, "docker_slot": "hunter2" }),
        json!({ "metadata": { "x": "hunter2".repeat(10_000) } }),
        json!({ "session_id": KEY, "project_id": "p", "task_name": "t", "current_task_id": KEY }),
        json!(["hunter2"]),
    ];
    let mut requests = 0;
    // Also with the key in place of an id.
    for (method, path) in operations(&[&session, &task, "m", KEY, &KEY.to_uppercase()]) {
        let query = format!("{path}?api_key={KEY}&limit=hunter2&cursor=swordfish");
        for body in &bodies {
            process.request(method.clone(), &path).json(body).send().await.unwrap();
            requests += 1;
        }
        let broken = process.request(method.clone(), &path).header("Content-Type", "application/json");
        broken.body("{\"metadata\": {\"password\": \"hunter2\"").send().await.unwrap();
        process.request(method.clone(), &query).header("If-Match", "\"hunter2\"").send().await.unwrap();
        for key in [UNKNOWN_KEY, "hunter2-is-no-key", "swordfish"] {
            process.bare(method.clone(), &path).header("X-API-Key", key).send().await.unwrap();
        }
        process.bare(method, &query).header("Authorization", format!("Bearer {KEY}")).send().await.unwrap();
    }
    for wrong in [
        format!("/{KEY}"),
        format!("/api/{KEY}/x"),
        format!("/api/sessions/{}", KEY.to_uppercase()),
        format!("/api/{}/{KEY}", "y".repeat(190)),
        format!("/api/nothing?key={KEY}"),
    ] {
        process.request(Method::GET, &wrong).send().await.unwrap();
        process.bare(Method::POST, &wrong).send().await.unwrap();
    }
    process.until("a silent session", |line| line["message"] == "Stalled session detected").await;
    assert!(process.stop().await.success());
    let log = process.stderr();
    assert!(log.lines().count() > requests, "it was a busy log: {} lines", log.lines().count());
    shows_none(&log, "the log");
}

#[tokio::test]
async fn no_password_is_in_the_log_of_a_server_whose_store_is_out_of_reach() {
    let variables = [
        ("MONGODB_URI", "mongodb://admin:hunter2@127.0.0.1:1/?proxyPassword=swordfish&proxyHost=127.0.0.1"),
        ("API_KEYS", KEY),
        ("PORT", "0"),
        ("LOG_LEVEL", "trace"),
    ];
    // Whether such a URI is accepted or refused, the message shows no part of it.
    let child = program(&variables).spawn().unwrap();
    let pid = child.id().unwrap();
    sleep(Duration::from_secs(2)).await;
    tokio::process::Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status().await.unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("127.0.0.1:1") || said.contains("MONGODB_URI"), "{said}");
    shows_none(&said, "what it said");
}

#[tokio::test]
async fn the_log_is_written_to_its_file_which_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let file = logs.join("rekindle.log").display().to_string();
    let more = [("LOG_FILE", file.as_str()), ("LOG_FILE_MAX_BYTES", "4096"), ("LOG_FILE_KEEP", "2")];
    let mut process = Process::at(folder, &more).await;
    for _ in 0..60 {
        process.request(Method::GET, "/api/sessions").send().await.unwrap();
    }
    assert!(process.stop().await.success());
    assert_eq!(process.stderr(), "");
    assert_eq!(process.log().last().unwrap()["message"], "Stopped", "the end is written before the process ends");
    let mut names: Vec<_> = fs::read_dir(&logs).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let text = fs::read_to_string(logs.join(&name)).unwrap();
        assert!(text.len() <= 4096 && text.ends_with('\n'), "{} has {} bytes", name.display(), text.len());
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    }
}

#[tokio::test]
async fn a_log_file_that_cannot_be_opened_is_a_configuration_error() {
    for file in ["/no/such/folder/rekindle.log", "/dev/full"] {
        let variables = [("STORE_URL", "sqlite::memory:"), ("API_KEYS", KEY), ("PORT", "0"), ("LOG_FILE", file)];
        let output = timeout(PATIENCE, program(&variables).output()).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains("LOG_FILE") && said.contains(file), "{said}");
    }
}

#[tokio::test]
async fn a_server_whose_log_folder_is_removed_continues_and_reopens_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let file = logs.join("rekindle.log").display().to_string();
    let mut process = Process::at(folder, &[("LOG_FILE", file.as_str())]).await;
    fs::remove_dir_all(&logs).unwrap();
    ask_until(&process, |process| process.stderr().contains("The log file cannot be written")).await;
    ask_until(&process, |process| process.stderr().contains("\"endpoint\":\"/api/sessions\"")).await;
    fs::create_dir(&logs).unwrap();
    ask_until(&process, |_| Path::new(&file).exists()).await;
    process.until("that it is back", |line| line["context"]["lines"].as_u64() > Some(0)).await;
    assert!(process.stop().await.success());
    assert_eq!(process.log().last().unwrap()["message"], "Stopped");
}

/// Repeats a request that is logged until the condition holds.
async fn ask_until(process: &Process, so: impl Fn(&Process) -> bool) {
    let asking = async {
        while !so(process) {
            let reply = process.request(Method::GET, "/api/sessions").send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK);
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap();
}

#[tokio::test]
async fn a_server_whose_stderr_is_closed_continues() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let variables = [("STORE_URL", "sqlite::memory:"), ("API_KEYS", KEY), ("PORT", &port), ("LOG_LEVEL", "debug")];
    let mut child = program(&variables).spawn().unwrap();
    // Closes the reading end.
    drop(child.stderr.take());
    let client = Client::builder().timeout(PATIENCE).build().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let up = async {
        while client.get(format!("{url}/health")).send().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, up).await.unwrap();
    for _ in 0..50 {
        let reply = client.get(format!("{url}/api/sessions")).header("X-API-Key", KEY).send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
    }
    let pid = child.id().unwrap().to_string();
    assert!(tokio::process::Command::new("kill").arg(pid).status().await.unwrap().success());
    assert_eq!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_first_line_describes_the_server_that_starts() {
    let mut process = Process::start(&[("ENVIRONMENT", "staging")]).await;
    let first = process.log().remove(0);
    assert_eq!((&first["level"], &first["message"]), (&json!("INFO"), &json!("Starting")));
    let context = &first["context"];
    assert_eq!((&context["version"], &context["environment"]), (&json!(env!("CARGO_PKG_VERSION")), &json!("staging")));
    assert!(context["store"].as_str().unwrap().starts_with("sqlite:"), "{first}");
    assert_eq!(context["settings_checksum"].as_str().unwrap().len(), 12);
    assert!(process.stop().await.success());
}
