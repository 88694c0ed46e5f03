//! The load: some connections, each of which sends a request, waits for the whole answer and sends the next. It shares
//! the machine with what it measures, so it is lean: one thread, requests that are copied rather than made, and no
//! more of HTTP/1.1 than the answers need.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::server::Process;

/// Writes the n-th request, whole, into a buffer that is empty.
pub type Render = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

/// How long the load goes on.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub span: Duration,
}

/// One measurement to be made.
pub struct Load<'a> {
    /// Who is asked, and whose memory is watched.
    pub process: &'a Process,
    /// How many at the same time.
    pub connections: u32,
    /// How long.
    pub timing: Timing,
    /// What is asked.
    pub render: Render,
    /// The status of every answer: another one ends the benchmark.
    pub expect: u16,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Answers a second.
    pub per_second: f64,
    /// Half of the answers came within this.
    pub p50: Duration,
    /// All but one in a hundred came within this.
    pub p99: Duration,
    /// The most memory that the process had resident, in bytes.
    pub memory: u64,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// How long an answer may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMORY_TICK: Duration = Duration::from_millis(100);
const MAX_HEADERS: usize = 32;

struct Tally {
    in_time: u64,
    micros: Vec<u32>,
}

/// Applies the load.
pub async fn apply(load: &Load<'_>) -> Result<Sample> {
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        streams.push(Connection::open(load.process.address).await?);
    }
    let start = Instant::now() + load.timing.warm_up;
    let end = start + load.timing.span;
    let mut tasks = JoinSet::new();
    for (first, stream) in (0..).zip(streams) {
        let (render, step, expect) = (Arc::clone(&load.render), u64::from(load.connections), load.expect);
        tasks.spawn(async move { ask_until(stream, first, step, &render, expect, start..end).await });
    }

    let mut memory = load.process.memory()?;
    let mut all = Tally { in_time: 0, micros: Vec::new() };
    let mut tick = tokio::time::interval(MEMORY_TICK);
    let deadline = tokio::time::sleep_until((end + PATIENCE).into());
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            finished = tasks.join_next() => match finished {
                Some(tally) => {
                    let tally = tally.context("a connection's task died")??;
                    all.in_time += tally.in_time;
                    all.micros.extend(tally.micros);
                }
                None => break,
            },
            _ = tick.tick() => memory = memory.max(load.process.memory()?),
            () = &mut deadline => bail!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
    all.micros.sort_unstable();
    Ok(Sample {
        per_second: all.in_time as f64 / load.timing.span.as_secs_f64(),
        p50: quantile(&all.micros, 0.50)?,
        p99: quantile(&all.micros, 0.99)?,
        memory,
    })
}

/// Asks once.
pub async fn ask(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut connection = Connection::open(address).await?;
    let status = tokio::time::timeout(PATIENCE, connection.exchange(request)).await.context("no answer")??;
    Ok(Answer { status, body: connection.body().to_vec() })
}

async fn ask_until(
    mut connection: Connection,
    first: u64,
    step: u64,
    render: &Render,
    expect: u16,
    counted: std::ops::Range<Instant>,
) -> Result<Tally> {
    let mut tally = Tally { in_time: 0, micros: Vec::new() };
    let mut request = Vec::with_capacity(512);
    let mut number = first;
    loop {
        request.clear();
        render(number, &mut request);
        number += step;
        let sent = Instant::now();
        if sent >= counted.end {
            return Ok(tally);
        }
        let status = connection.exchange(&request).await?;
        let answered = Instant::now();
        if status != expect {
            let body = String::from_utf8_lossy(connection.body()).into_owned();
            bail!("an answer has status {status} where {expect} is due: {body}");
        }
        if sent >= counted.start {
            tally.micros.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        }
        // What was asked before the count began and answered within it makes up for what is still open at its end.
        if counted.contains(&answered) {
            tally.in_time += 1;
        }
    }
}

fn quantile(sorted: &[u32], part: f64) -> Result<Duration> {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let micros = sorted.get(rank.saturating_sub(1)).ok_or_else(|| anyhow!("nothing was answered in time"))?;
    Ok(Duration::from_micros(u64::from(*micros)))
}

/// A connection that is kept, and the last answer on it.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: std::ops::Range<usize>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024), body: 0..0 })
    }

    /// Sends a request and answers the status; the body is in [`Self::body`] until the next one.
    async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection in the middle of an answer");
            }
            if head.is_none() {
                head = parse_head(&self.buffer)?;
            }
            if let Some((status, start, length)) = head
                && self.buffer.len() >= start + length
            {
                self.body = start..start + length;
                return Ok(status);
            }
        }
    }

    fn body(&self) -> &[u8] {
        &self.buffer[self.body.clone()]
    }
}

/// The status, where the body begins and how long it is; none when the head is not yet whole.
fn parse_head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = match length {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None if status == 204 => 0,
        None => bail!("an answer without a Content-Length"),
    };
    Ok(Some((status, start, length)))
}

#[cfg(test)]
mod tests;
