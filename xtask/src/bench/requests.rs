//! The requests as bytes: heartbeats for the comparison with the baseline, then the other requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use rekindle_core::SessionId;

use super::load::{Load, Render, Sample, Timing, apply, ask};
use super::server::Process;

/// The numbers of connections for requests about one session.
const MANY: u32 = 64;
/// The numbers of connections for lists of fifty sessions, and for writes of several rows.
const FEW: u32 = 16;
/// The number of connections for deep offsets: more would wait for each other until the store's call times out.
const LONE: u32 = 4;
const PAGE: u64 = 50;

/// The cost of a request other than a heartbeat.
pub(super) struct RequestRow {
    /// The request in words.
    pub what: &'static str,
    /// The number of connections.
    pub connections: u32,
    pub sample: Sample,
}

/// Renders a heartbeat without a body for each session in turn.
pub(super) fn beats(ids: &[SessionId], key: &str) -> Render {
    by_id("POST", "/heartbeat", ids, key)
}

/// Renders a request without a body.
pub(super) fn plain(method: &str, path: &str, key: &str) -> Vec<u8> {
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n{length}\r\n").into_bytes()
}

fn by_id(method: &str, verb: &str, ids: &[SessionId], key: &str) -> Render {
    // All ids have the same length, so each request is the first one with another id.
    let hole = "00000000-0000-0000-0000-000000000000";
    let model = plain(method, &format!("/api/sessions/{hole}{verb}"), key);
    let at = method.len() + " /api/sessions/".len();
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    Arc::new(move |number, request| {
        request.extend_from_slice(&model);
        ids[number as usize % ids.len()].hyphenated().encode_lower(&mut request[at..at + hole.len()]);
    })
}

fn creates(made: &Arc<AtomicU64>, key: &str) -> Render {
    let (made, key) = (Arc::clone(made), key.to_owned());
    Arc::new(move |_, request| {
        let number = made.fetch_add(1, Ordering::Relaxed);
        let body =
            format!(r#"{{"project_id":"new-{number:010}","machine_id":"bench","metadata":{{"agent":"builder"}}}}"#);
        let head = format!(
            "POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body.as_bytes());
    })
}

fn same(path: &str, key: &str) -> Render {
    let model = plain("GET", path, key);
    Arc::new(move |_, request| request.extend_from_slice(&model))
}

fn recovers(ids: &[SessionId], key: &str) -> Render {
    let heads: Vec<_> = ids.iter().map(|id| format!("POST /api/sessions/{}/recover HTTP/1.1\r\n", id.0)).collect();
    let body = r#"{"new_machine_id":"elsewhere"}"#;
    let rest = format!(
        "Host: 127.0.0.1\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Arc::new(move |number, request| {
        request.extend_from_slice(heads[number as usize % heads.len()].as_bytes());
        request.extend_from_slice(rest.as_bytes());
    })
}

/// Measures reads, lists and creates in this order, so that the reads are of the seeded sessions only.
pub(super) async fn measure(
    process: &Process,
    ids: &[SessionId],
    key: &str,
    timing: Timing,
) -> Result<Vec<RequestRow>> {
    let deep = ids.len() as u64 * 9 / 10;
    let cursor = cursor_at(process, deep, key).await?;
    let made = Arc::new(AtomicU64::new(0));
    let page = format!("/api/sessions?limit={PAGE}");
    let plan = [
        ("read one session", MANY, by_id("GET", "", ids, key), 200),
        ("list 50, offset 0", FEW, same(&page, key), 200),
        ("list 50, by cursor at 90 %", FEW, same(&format!("{page}&cursor={cursor}"), key), 200),
        ("list 50, by offset at 90 %", LONE, same(&format!("{page}&offset={deep}"), key), 200),
        ("create a session", FEW, creates(&made, key), 201),
        ("create a session", MANY, creates(&made, key), 201),
    ];
    let mut rows = Vec::new();
    for (what, connections, render, expect) in plan {
        let load = Load { process, connections, timing, render, expect, requests: u64::MAX };
        rows.push(row(what, &load).await?);
    }
    Ok(rows)
}

/// Measures recoveries, each session once: half of them with few connections, half with many. Each ends one session, fails its
/// task in progress, and creates a successor with two tasks.
pub(super) async fn recoveries(
    process: &Process,
    ids: &[SessionId],
    key: &str,
    timing: Timing,
) -> Result<Vec<RequestRow>> {
    let (first, second) = ids.split_at(ids.len() / 2);
    let mut rows = Vec::new();
    for (connections, ids) in [(FEW, first), (MANY, second)] {
        let render = recovers(ids, key);
        let load = Load { process, connections, timing, render, expect: 201, requests: ids.len() as u64 };
        rows.push(row("recover a session", &load).await?);
    }
    Ok(rows)
}

async fn row(what: &'static str, load: &Load<'_>) -> Result<RequestRow> {
    let sample = apply(load).await.context(what)?;
    println!(
        "  {:>3} connections: {what:<28} {:>9.0} /s  p99 {:>9.2} ms",
        load.connections,
        sample.per_second,
        sample.p99.as_secs_f64() * 1000.0
    );
    Ok(RequestRow { what, connections: load.connections, sample })
}

/// Returns the cursor after this many sessions.
async fn cursor_at(process: &Process, after: u64, key: &str) -> Result<String> {
    let path = format!("/api/sessions?limit=1&offset={}", after.saturating_sub(1));
    let answer = ask(process.address, &plain("GET", &path, key)).await?;
    let page: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let cursor = page["next_cursor"].as_str().map(str::to_owned);
    cursor.with_context(|| format!("no next_cursor in the answer to GET {path} (status {})", answer.status))
}

#[cfg(test)]
mod tests;
