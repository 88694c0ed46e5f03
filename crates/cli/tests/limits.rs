//! A server that limits requests: the error message, and how long a run waits for the next heartbeat.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Dev, LIMIT, Process, rekindle, until};

#[test]
fn a_run_whose_heartbeats_are_limited_waits_and_stays_tracked() {
    let dev = Dev::with(&[("RATE_LIMIT_HEARTBEATS_PER_MINUTE", "1")]);
    let script = "exec \"$0\" run --project p --heartbeat 100ms -- sh -c 'until [ -e go ]; do sleep 0.05; done' 2>said";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_rekindle")]).current_dir(dev.folder()).stdin(Stdio::null());
    for (name, _) in rekindle(dev.folder()).get_envs() {
        shell.env_remove(name);
    }
    let run = Process::start(&mut shell);
    let said = || fs::read_to_string(dev.folder().join("said")).unwrap_or_default();
    until("the server asks to wait", || said().contains("rate_limited").then_some(()));
    assert!(said().contains("try again in"), "{}", said());
    // Reporting the outcome does not count as a heartbeat, so it is possible within the same minute.
    fs::write(dev.folder().join("go"), "").unwrap();
    run.wait().expect_code(0);
    dev.session("p", "completed");
    assert_eq!(said().matches("rate_limited").count(), 1, "it waits as long as it was asked to: {}", said());
    assert!(!said().contains("tracked no longer"), "{}", said());
}

#[test]
fn a_rate_limited_command_prints_when_to_retry() {
    let dev = Dev::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
    dev.call(&["session", "list"]).expect_code(0);
    let left = dev.call(&["session", "list"]).expect_code(3);
    assert!(left.err().contains("rate_limited") && left.err().contains("try again in"), "{}", left.err());
}

/// Reads a request: its first line, the rest of its head, its body.
fn request(stream: &TcpStream) -> (String, String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut rest, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            rest.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (first, rest, body)
}

/// Starts a proxy that refuses the first heartbeat for a second and forwards everything else. Reports when heartbeats
/// arrive.
fn refusing_the_first_beat(server: String) -> (String, mpsc::Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (came, beats) = mpsc::sync_channel(1000);
    std::thread::spawn(move || {
        let mut is_first = true;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (first, rest, body) = request(&stream);
            if first.contains("/heartbeat ") {
                came.send(Instant::now()).ok();
                if std::mem::take(&mut is_first) {
                    let said = json!({
                        "statusCode": 429, "error": "Too Many Requests", "message": "not now", "path": "/", "details": [],
                        "timestamp": "2026-01-19T08:30:00.000Z", "code": "rate_limited",
                        "request_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
                    })
                    .to_string();
                    let head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\n";
                    write!(stream, "{head}Content-Length: {}\r\n\r\n{said}", said.len()).unwrap();
                    continue;
                }
            }
            let mut upstream = TcpStream::connect(server.trim_start_matches("http://")).unwrap();
            write!(upstream, "{first}{rest}Connection: close\r\n\r\n").unwrap();
            upstream.write_all(&body).unwrap();
            // Fails if the client is gone.
            std::io::copy(&mut upstream, &mut stream).ok();
        }
    });
    (url, beats)
}

#[test]
fn a_refused_heartbeat_is_repeated_after_the_servers_retry_after() {
    let dev = Dev::start();
    let (url, beats) = refusing_the_first_beat(dev.url());
    let mut command = rekindle(dev.folder());
    command.args(["--url", &url, "--api-key", &dev.key(), "run", "--project", "p", "--heartbeat", "100ms", "--"]);
    let run = Process::start(command.args(["sh", "-c", "until [ -e go ]; do sleep 0.05; done"]));
    let refused = beats.recv_timeout(LIMIT).unwrap();
    let again = beats.recv_timeout(LIMIT).unwrap();
    assert!(again - refused >= Duration::from_secs(1), "{:?}", again - refused);
    beats.recv_timeout(LIMIT).unwrap();
    fs::write(dev.folder().join("go"), "").unwrap();
    let left = run.wait().expect_code(0);
    assert!(left.err().contains("not now") && left.err().contains("the server answers again"), "{}", left.err());
    dev.session("p", "completed");
}
