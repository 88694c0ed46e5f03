//! `docs/benchmarks.md`: the machine, the tables, and how each target was met or missed.

use std::fmt::Write;
use std::time::Duration;

use super::{Extent, Measured, Stage};

const TARGET_RATIO: f64 = 0.7;
const TARGET_P99: Duration = Duration::from_millis(25);
const TARGET_QUIET_PASS: Duration = Duration::from_millis(5);
const TARGET_FULL_PASS: Duration = Duration::from_secs(2);
const TARGET_MEMORY: u64 = 256 * MIB;
/// The connections at which the targets for beats are set, and the overdue sessions of the target for a full pass.
const TARGET_CONNECTIONS: u32 = 64;
const TARGET_OVERDUE: u32 = 10_000;
const MIB: u64 = 1024 * 1024;

/// The whole page.
pub fn page(extent: &Extent, facts: &[(&'static str, String)], measured: &Measured) -> String {
    let mut page =
        String::from("<!-- Written by `cargo xtask bench`; the next full run writes it anew. -->\n# Benchmarks\n\n");
    page.push_str("| the machine | |\n| --- | --- |\n");
    for (name, value) in facts {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    targets(&mut page, measured);
    heartbeats(&mut page, extent, measured);
    other_requests(&mut page, measured);
    passes(&mut page, extent, measured);
    method(&mut page, extent);
    page
}

fn targets(page: &mut String, measured: &Measured) {
    page.push_str("\n## Targets\n\n| target | with | measured | |\n| --- | --- | --- | --- |\n");
    for stage in &measured.stages {
        let with = format!("{} live sessions", grouped(stage.sessions));
        for row in stage.beats.iter().filter(|row| row.connections == TARGET_CONNECTIONS) {
            let verdict = at_least(row.ratio, TARGET_RATIO);
            let _ = writeln!(
                page,
                "| beats at {TARGET_CONNECTIONS} connections ≥ {TARGET_RATIO} × the floor | {with} | {:.2} × | {verdict} |",
                row.ratio
            );
            let verdict = below(row.server.p99.as_secs_f64(), TARGET_P99.as_secs_f64());
            let _ = writeln!(
                page,
                "| their p99 < {} ms | {with} | {} ms | {verdict} |",
                TARGET_P99.as_millis(),
                ms(row.server.p99)
            );
        }
    }
    let with =
        measured.stages.last().map_or_else(String::new, |stage| format!("{} live sessions", grouped(stage.sessions)));
    for row in &measured.passes {
        let (words, target) = match row.overdue {
            0 => ("a pass with nothing overdue < 5 ms", TARGET_QUIET_PASS),
            TARGET_OVERDUE => ("a pass with 10,000 overdue < 2 s", TARGET_FULL_PASS),
            _ => continue,
        };
        let verdict = below(row.median.as_secs_f64(), target.as_secs_f64());
        let _ = writeln!(page, "| {words} | {with} | {} ms | {verdict} |", ms(row.median));
    }
    for stage in &measured.stages {
        let verdict = below(stage.peak_memory as f64, TARGET_MEMORY as f64);
        let _ = writeln!(
            page,
            "| memory of the server < {} MiB throughout | {} live sessions | {} MiB | {verdict} |",
            TARGET_MEMORY / MIB,
            grouped(stage.sessions),
            mib(stage.peak_memory)
        );
    }
}

fn heartbeats(page: &mut String, extent: &Extent, measured: &Measured) {
    let _ = write!(
        page,
        "\n## Heartbeats\n\nDurable: each is answered after the commit that holds it is on disk. Medians of {} rounds, floor and \
         server in turns; the ratio is the median of the rounds' ratios, with the smallest and the largest.\n\n\
         | live sessions | connections | floor, beats/s | p50 ms | p99 ms | server, beats/s | p50 ms | p99 ms | ratio | MiB |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        extent.rounds
    );
    for stage in &measured.stages {
        for row in &stage.beats {
            let _ = writeln!(
                page,
                "| {} | {} | {:.0} | {} | {} | **{:.0}** | {} | {} | **{:.2}** ({:.2}–{:.2}) | {} |",
                grouped(stage.sessions),
                row.connections,
                row.floor.per_second,
                ms(row.floor.p50),
                ms(row.floor.p99),
                row.server.per_second,
                ms(row.server.p50),
                ms(row.server.p99),
                row.ratio,
                row.spread.0,
                row.spread.1,
                mib(row.server.memory)
            );
        }
    }
}

fn other_requests(page: &mut String, measured: &Measured) {
    page.push_str(
        "\n## Other requests\n\n| live sessions | what | connections | answers/s | p50 ms | p99 ms | MiB |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for stage in &measured.stages {
        for row in &stage.requests {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {:.0} | {} | {} | {} |",
                grouped(stage.sessions),
                row.what,
                row.connections,
                row.sample.per_second,
                ms(row.sample.p50),
                ms(row.sample.p99),
                mib(row.sample.memory)
            );
        }
    }
    page.push('\n');
    for Stage { sessions, database, peak_memory, .. } in &measured.stages {
        let _ = writeln!(
            page,
            "With {} live sessions the database takes {} MiB, and the server never had more than {} MiB resident.",
            grouped(*sessions),
            mib(*database),
            mib(*peak_memory)
        );
    }
}

fn passes(page: &mut String, extent: &Extent, measured: &Measured) {
    let _ = write!(
        page,
        "\n## The detection pass\n\n`Tracker::detect` over {} live sessions, in process, marks included and on disk.\n\n\
         | overdue | passes | median ms | quickest | slowest |\n| ---: | ---: | ---: | ---: | ---: |\n",
        grouped(extent.sizes[1])
    );
    for row in &measured.passes {
        let _ = writeln!(
            page,
            "| {} | {} | **{}** | {} | {} |",
            grouped(row.overdue),
            row.passes,
            ms(row.median),
            ms(row.spread.0),
            ms(row.spread.1)
        );
    }
}

fn method(page: &mut String, extent: &Extent) {
    let _ = write!(
        page,
        "\n## How it was measured\n\n`cargo xtask bench` does it again; `--quick` is a look of a minute or two that leaves this page alone.\n\n\
         - The *floor* (`crates/http/examples/floor.rs`) is the least that a durable beat over HTTP can cost here: actix-web with \
         as many workers, one endpoint, one thread that commits what has queued with `synchronous=FULL`, and a table of three \
         columns without a second index. It has no keys, logs, rules or states.\n\
         - The load generator runs on the same machine, in one thread, over loopback with connections that are kept; a connection \
         sends when it has its answer. Any answer but the expected status ends the run. {:.1} s are counted after {:.1} s of warming up.\n\
         - Beats go to the sessions in random order (the same in every run), so that the pages they touch lie anywhere in the file.\n\
         - The server runs as `rekindle serve` with its defaults, logs to a file at level `info`, and its own detector at work.\n\
         - Memory is the process's resident set, looked at ten times a second; the peak is the kernel's own.\n",
        extent.timing.span.as_secs_f64(),
        extent.timing.warm_up.as_secs_f64()
    );
}

fn at_least(measured: f64, target: f64) -> String {
    if measured >= target {
        format!("met, {:.0} % above", (measured / target - 1.0) * 100.0)
    } else {
        format!("**missed by {:.0} %**", (1.0 - measured / target) * 100.0)
    }
}

fn below(measured: f64, target: f64) -> String {
    if measured < target {
        format!("met, {:.0} % of it", measured / target * 100.0)
    } else {
        format!("**missed by {:.0} %**", (measured / target - 1.0) * 100.0)
    }
}

fn ms(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.1}") }
}

fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / MIB as f64)
}

/// The number with commas between its thousands.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests;
