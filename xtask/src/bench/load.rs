//! The load generator: several connections, each of which sends a request, waits for the whole response and sends the
//! next. It shares the machine with what it measures, so it does little: one thread, requests that are copied rather
//! than rendered, and only the part of HTTP/1.1 that the responses need.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::server::{Process, Used};

/// Writes the n-th request into an empty buffer.
pub(super) type Render = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

/// The duration of a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub span: Duration,
}

/// One measurement.
pub(super) struct Load<'a> {
    /// The process that responds, whose memory is measured.
    pub process: &'a Process,
    pub connections: u32,
    pub timing: Timing,
    /// Renders the requests.
    pub render: Render,
    /// The expected status; another one ends the benchmark.
    pub expect: u16,
    /// The number of requests; the measurement ends early when they are used up.
    pub requests: u64,
}

/// The result of a measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Responses per second.
    pub per_second: f64,
    /// The median of the response times.
    pub p50: Duration,
    /// The 99th percentile of the response times.
    pub p99: Duration,
    /// The most resident memory of the process, in bytes.
    pub memory: u64,
    /// The cores that were busy, on average.
    pub cores: Cores,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Cores {
    /// By the process.
    pub own: f64,
    /// By the process of its database, if that is another one.
    pub database: Option<f64>,
}

pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// The limit for one response; after it the benchmark fails.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
const MAX_HEADERS: usize = 32;

/// What all connections of a load share.
struct Plan {
    step: u64,
    requests: u64,
    render: Render,
    expect: u16,
    counted: Range<Instant>,
    /// When the first connection found no request left.
    used_up: OnceLock<Instant>,
}

struct Tally {
    in_time: u64,
    micros: Vec<u32>,
}

/// What the processes used during the measurement.
struct Watched<'a> {
    process: &'a Process,
    counted: Range<Instant>,
    memory: u64,
    first: Option<(Instant, Used)>,
    last: Option<(Instant, Used)>,
}

pub(super) async fn apply(load: &Load<'_>) -> Result<Sample> {
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        streams.push(Connection::open(load.process.address).await?);
    }
    let start = Instant::now() + load.timing.warm_up;
    let end = start + load.timing.span;
    let plan = Arc::new(Plan {
        step: u64::from(load.connections),
        requests: load.requests,
        render: Arc::clone(&load.render),
        expect: load.expect,
        counted: start..end,
        used_up: OnceLock::new(),
    });
    let mut tasks = JoinSet::new();
    for (first, stream) in (0..).zip(streams) {
        tasks.spawn(ask_until(stream, first, Arc::clone(&plan)));
    }

    let mut watched = Watched { process: load.process, counted: start..end, memory: 0, first: None, last: None };
    let mut all = Tally { in_time: 0, micros: Vec::new() };
    let mut tick = tokio::time::interval(LOOK);
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
            _ = tick.tick() => watched.look()?,
            () = &mut deadline => bail!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
    let ended = plan.used_up.get().copied().unwrap_or(end).min(end);
    let counted = ended.saturating_duration_since(start);
    if counted < load.timing.span / 10 {
        bail!("{} requests were used up before enough was counted", load.requests);
    }
    all.micros.sort_unstable();
    Ok(Sample {
        per_second: all.in_time as f64 / counted.as_secs_f64(),
        p50: quantile(&all.micros, 0.50)?,
        p99: quantile(&all.micros, 0.99)?,
        memory: watched.memory,
        cores: watched.cores()?,
    })
}

impl Watched<'_> {
    fn look(&mut self) -> Result<()> {
        self.memory = self.memory.max(self.process.memory()?);
        let now = Instant::now();
        if self.counted.contains(&now) {
            let seen = (now, self.process.used()?);
            self.first.get_or_insert(seen);
            self.last = Some(seen);
        }
        Ok(())
    }

    fn cores(&self) -> Result<Cores> {
        let ((from, before), (to, after)) =
            self.first.zip(self.last).context("too short to see the processes twice")?;
        let per_second = |seconds: f64| seconds / (to - from).as_secs_f64().max(f64::MIN_POSITIVE);
        let database = before.database.zip(after.database).map(|(before, after)| per_second(after - before));
        Ok(Cores { own: per_second(after.own - before.own), database })
    }
}

/// Sends one request on its own connection.
pub(super) async fn ask(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut connection = Connection::open(address).await?;
    let status = tokio::time::timeout(PATIENCE, connection.exchange(request)).await.context("no answer")??;
    Ok(Answer { status, body: connection.body().to_vec() })
}

async fn ask_until(mut connection: Connection, first: u64, plan: Arc<Plan>) -> Result<Tally> {
    let mut tally = Tally { in_time: 0, micros: Vec::new() };
    let mut request = Vec::with_capacity(512);
    let mut number = first;
    loop {
        let sent = Instant::now();
        if number >= plan.requests {
            plan.used_up.get_or_init(|| sent);
        }
        if sent >= plan.counted.end || plan.used_up.get().is_some() {
            return Ok(tally);
        }
        request.clear();
        (plan.render)(number, &mut request);
        number += plan.step;
        let status = connection.exchange(&request).await?;
        let answered = Instant::now();
        if status != plan.expect {
            let body = String::from_utf8_lossy(connection.body()).into_owned();
            bail!("an answer has status {status} where {} is due: {body}", plan.expect);
        }
        if sent >= plan.counted.start {
            tally.micros.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        }
        // A response to a request from before the measurement compensates for a request that is open at its end.
        if plan.counted.contains(&answered) && plan.used_up.get().is_none_or(|end| answered < *end) {
            tally.in_time += 1;
        }
    }
}

fn quantile(sorted: &[u32], part: f64) -> Result<Duration> {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let micros = sorted.get(rank.saturating_sub(1)).ok_or_else(|| anyhow!("nothing was answered in time"))?;
    Ok(Duration::from_micros(u64::from(*micros)))
}

/// A persistent connection, and the last response on it.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Range<usize>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024), body: 0..0 })
    }

    /// Sends a request and returns the status; the body stays in [`Self::body`] until the next one.
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

/// Returns the status, the offset of the body and its length; `None` while the head is incomplete.
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
