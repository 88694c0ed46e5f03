//! A store's section of `docs/benchmarks.md`: the machine, the tables, and whether each target was met.

use std::fmt::Write;
use std::time::Duration;

use super::about::About;
use super::extent::Extent;
use super::load::{Cores, Sample};
use super::results::{Measured, Stage};

/// The number of connections and the number of overdue sessions of the targets.
const TARGET_CONNECTIONS: u32 = 64;
const TARGET_OVERDUE: u32 = 10_000;
const MIB: u64 = 1024 * 1024;

/// Returns the whole section.
pub(super) fn section(about: &About, extent: &Extent, facts: &[(&'static str, String)], measured: &Measured) -> String {
    let mut page = format!("## {}\n\n| the machine | |\n| --- | --- |\n", about.title);
    for (name, value) in facts {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    goals(&mut page, about, measured);
    heartbeats(&mut page, about, extent, measured);
    other_requests(&mut page, measured);
    passes(&mut page, extent, measured);
    method(&mut page, about, extent);
    page
}

fn goals(page: &mut String, about: &About, measured: &Measured) {
    let wanted = &about.goals;
    page.push_str("\n### Targets\n\n| target | with | measured | |\n| --- | --- | --- | --- |\n");
    let mut line = |target: String, sessions: u32, measured: String, verdict: String| {
        let _ = writeln!(page, "| {target} | {} live sessions | {measured} | {verdict} |", grouped(sessions));
    };
    for Stage { sessions, beats, .. } in &measured.stages {
        for row in beats.iter().filter(|row| row.connections == TARGET_CONNECTIONS) {
            let target = format!("beats at {TARGET_CONNECTIONS} connections ≥ {} × the floor", wanted.ratio);
            line(target, *sessions, format!("{:.2} ×", row.ratio), at_least(row.ratio, wanted.ratio));
            if let Some(most) = wanted.p99 {
                let verdict = below(row.server.p99.as_secs_f64(), most.as_secs_f64());
                line(
                    format!("their p99 < {} ms", most.as_millis()),
                    *sessions,
                    format!("{} ms", ms(row.server.p99)),
                    verdict,
                );
            }
        }
    }
    if let Some(Stage { sessions, .. }) = measured.stages.last() {
        for row in &measured.passes {
            let (words, most) = match row.overdue {
                0 => ("a pass with nothing overdue", wanted.quiet_pass),
                TARGET_OVERDUE => ("a pass with 10,000 overdue", wanted.full_pass),
                _ => continue,
            };
            if let Some(most) = most {
                let verdict = below(row.median.as_secs_f64(), most.as_secs_f64());
                line(
                    format!("{words} < {} ms", most.as_millis()),
                    *sessions,
                    format!("{} ms", ms(row.median)),
                    verdict,
                );
            }
        }
    }
    for Stage { sessions, peak_memory, .. } in &measured.stages {
        let verdict = below(*peak_memory as f64, wanted.memory as f64);
        let target = format!("memory of the server < {} MiB throughout", mib(wanted.memory));
        line(target, *sessions, format!("{} MiB", mib(*peak_memory)), verdict);
    }
}

fn heartbeats(page: &mut String, about: &About, extent: &Extent, measured: &Measured) {
    let _ = write!(
        page,
        "\n### Heartbeats\n\nDurable: {}. Medians of {} rounds, floor and server in turns; the ratio is the median of the \
         rounds' ratios, with the smallest and the largest.\n\n\
         | live sessions | connections | floor, beats/s | p50 ms | p99 ms | cores | server, beats/s | p50 ms | p99 ms | cores | ratio | MiB |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        about.durable, extent.rounds
    );
    for stage in &measured.stages {
        for row in &stage.beats {
            let figures = |sample: &Sample, mark: &str| {
                let Sample { per_second, p50, p99, cores, .. } = sample;
                format!("{mark}{per_second:.0}{mark} | {} | {} | {}", ms(*p50), ms(*p99), shown(*cores))
            };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | **{:.2}** ({:.2}–{:.2}) | {} |",
                grouped(stage.sessions),
                row.connections,
                figures(&row.baseline, ""),
                figures(&row.server, "**"),
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
        "\n### Other requests\n\n| live sessions | what | connections | answers/s | p50 ms | p99 ms | cores | MiB |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for stage in &measured.stages {
        for row in &stage.requests {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {:.0} | {} | {} | {} | {} |",
                grouped(stage.sessions),
                row.what,
                row.connections,
                row.sample.per_second,
                ms(row.sample.p50),
                ms(row.sample.p99),
                shown(row.sample.cores),
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
        "\n### The detection pass\n\n`Tracker::detect` over {} live sessions, in process, marks included and on disk.\n\n\
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

fn method(page: &mut String, about: &About, extent: &Extent) {
    page.push_str("\n### How it was measured\n\n");
    for line in about.method {
        let _ = writeln!(page, "- {line}");
    }
    let _ = writeln!(
        page,
        "- {:.1} s are counted after {:.1} s of warming up. Recoveries: {} sessions that can be recovered are added after all \
         else; if they are used up, the count ends with them.",
        extent.timing.span.as_secs_f64(),
        extent.timing.warm_up.as_secs_f64(),
        grouped(extent.recoverable)
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

/// Returns the cores of the process and, after a plus sign, those of its database.
fn shown(cores: Cores) -> String {
    match cores.database {
        Some(database) => format!("{:.2} + {database:.2}", cores.own),
        None => format!("{:.2}", cores.own),
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / MIB as f64)
}

/// Returns the number with commas between its thousands.
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
