//! Durable heartbeats a second, against the floor. Floor and server take turns within one run, so that whatever else
//! the machine does meanwhile strikes both; each ratio is of two rounds that followed each other.

use anyhow::{Context, Result};
use rekindle_core::SessionId;

use super::load::{Cores, Load, Sample, Timing, apply};
use super::requests::beats;
use super::server::Process;

/// The numbers of connections that are measured.
const CONNECTIONS: [u32; 3] = [1, 64, 256];

/// What a number of connections achieved: the middle one of several rounds.
pub struct BeatRow {
    /// How many connections.
    pub connections: u32,
    /// The floor.
    pub floor: Sample,
    /// The server.
    pub server: Sample,
    /// Server to floor.
    pub ratio: f64,
    /// The smallest and the largest ratio of a round.
    pub spread: (f64, f64),
}

/// Measures both.
pub async fn measure(
    floor: &Process,
    server: &Process,
    ids: &[SessionId],
    key: &str,
    timing: Timing,
    rounds: u32,
) -> Result<Vec<BeatRow>> {
    let render = beats(ids, key);
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let (mut of_floor, mut of_server, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let load = |process| Load {
                process,
                connections,
                timing,
                render: render.clone(),
                expect: 200,
                requests: u64::MAX,
            };
            let low = apply(&load(floor)).await.context("beats to the floor")?;
            let ours = apply(&load(server)).await.context("beats to the server")?;
            ratios.push(ours.per_second / low.per_second);
            of_floor.push(low);
            of_server.push(ours);
        }
        let row = BeatRow {
            connections,
            floor: middle_sample(&of_floor),
            server: middle_sample(&of_server),
            ratio: middle(ratios.iter().copied()),
            spread: (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max)),
        };
        println!(
            "  {connections:>3} connections: floor {:>7.0} /s, server {:>7.0} /s, ratio {:.2}, p99 {:.2} ms",
            row.floor.per_second,
            row.server.per_second,
            row.ratio,
            row.server.p99.as_secs_f64() * 1000.0
        );
        rows.push(row);
    }
    Ok(rows)
}

/// Each figure's own median; of memory the most.
fn middle_sample(rounds: &[Sample]) -> Sample {
    let median = |part: fn(&Sample) -> f64| middle(rounds.iter().map(part));
    Sample {
        per_second: median(|round| round.per_second),
        p50: std::time::Duration::from_secs_f64(median(|round| round.p50.as_secs_f64())),
        p99: std::time::Duration::from_secs_f64(median(|round| round.p99.as_secs_f64())),
        memory: rounds.iter().map(|round| round.memory).max().unwrap_or_default(),
        cores: Cores {
            own: median(|round| round.cores.own),
            // Either all rounds have it, or none.
            database: Some(median(|round| round.cores.database.unwrap_or(f64::NAN))).filter(|cores| !cores.is_nan()),
        },
    }
}

/// The median; of an even number the mean of the two in the middle.
pub fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
