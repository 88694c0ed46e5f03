//! Durable heartbeats per second, compared with the baseline. The baseline and the server take turns within one run, so that
//! other work of the machine affects both; each ratio is of two successive rounds.

use anyhow::{Context, Result};
use rekindle_core::SessionId;

use super::load::{Cores, Load, Sample, Timing, apply};
use super::requests::beats;
use super::server::Process;

const CONNECTIONS: [u32; 3] = [1, 64, 256];

/// The result for a number of connections: medians of several rounds.
pub(super) struct HeartbeatRow {
    pub connections: u32,
    pub baseline: Sample,
    pub server: Sample,
    /// Server to baseline.
    pub ratio: f64,
    /// The smallest and the largest ratio of a round.
    pub spread: (f64, f64),
}

/// Measures the baseline and the server.
pub(super) async fn measure(
    baseline: &Process,
    server: &Process,
    ids: &[SessionId],
    key: &str,
    timing: Timing,
    rounds: u32,
) -> Result<Vec<HeartbeatRow>> {
    let render = beats(ids, key);
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let (mut of_baseline, mut of_server, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let load = |process| Load {
                process,
                connections,
                timing,
                render: render.clone(),
                expect: 200,
                requests: u64::MAX,
            };
            let low = apply(&load(baseline)).await.context("beats to the floor")?;
            let ours = apply(&load(server)).await.context("beats to the server")?;
            ratios.push(ours.per_second / low.per_second);
            of_baseline.push(low);
            of_server.push(ours);
        }
        let row = HeartbeatRow {
            connections,
            baseline: middle_sample(&of_baseline),
            server: middle_sample(&of_server),
            ratio: middle(ratios.iter().copied()),
            spread: (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max)),
        };
        println!(
            "  {connections:>3} connections: floor {:>7.0} /s, server {:>7.0} /s, ratio {:.2}, p99 {:.2} ms",
            row.baseline.per_second,
            row.server.per_second,
            row.ratio,
            row.server.p99.as_secs_f64() * 1000.0
        );
        rows.push(row);
    }
    Ok(rows)
}

/// Returns the median of each figure; of memory the maximum.
fn middle_sample(rounds: &[Sample]) -> Sample {
    let median = |part: fn(&Sample) -> f64| middle(rounds.iter().map(part));
    Sample {
        per_second: median(|round| round.per_second),
        p50: std::time::Duration::from_secs_f64(median(|round| round.p50.as_secs_f64())),
        p99: std::time::Duration::from_secs_f64(median(|round| round.p99.as_secs_f64())),
        memory: rounds.iter().map(|round| round.memory).max().unwrap_or_default(),
        cores: Cores {
            own: median(|round| round.cores.own),
            // Either all rounds have it or none.
            database: Some(median(|round| round.cores.database.unwrap_or(f64::NAN))).filter(|cores| !cores.is_nan()),
        },
    }
}

/// Returns the median; of an even number the mean of the two in the middle.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
