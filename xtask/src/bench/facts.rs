//! A description of the machine, without its name and paths.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::heartbeats::middle;
use crate::shell::{output, root};

/// Returns what describes the machine, by name. Fails if nothing can be written to the folder `data`.
pub(super) fn facts(data: &Path) -> Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string());
    Ok(vec![
        ("date", output_of("date", &["-u", "+%F"])),
        ("commit", commit()),
        ("processor", first_of("/proc/cpuinfo", "model name")),
        ("cores", cores),
        ("memory", memory()),
        ("kernel", output_of("uname", &["-sr"])),
        ("file system of the data", output_of("stat", &["-f", "-c", "%T", &data.to_string_lossy()])),
        ("4 KiB written and synced", format!("{:.0} µs (median)", synced_write(data)? * 1e6)),
        ("compiler", output_of("rustc", &["-V"])),
    ])
}

/// Returns the median time of a write with fsync in seconds: no commit can be faster.
fn synced_write(data: &Path) -> Result<f64> {
    let mut file = fs::File::create(data.join("synced"))?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64());
    }
    Ok(middle(took.into_iter()))
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(root()).args(arguments);
    output(command).unwrap_or_else(|_| unknown())
}

fn commit() -> String {
    let mut head = Command::new("git");
    head.current_dir(root()).args(["rev-parse", "--short", "HEAD"]);
    match (output(head), output_of("git", &["status", "--porcelain"]).is_empty()) {
        (Ok(head), true) => head,
        (Ok(head), false) => format!("{head}, with changes not committed"),
        (Err(_), _) => "none yet".to_owned(),
    }
}

fn first_of(file: &str, field: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_once(':')).map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn memory() -> String {
    let total = first_of("/proc/meminfo", "MemTotal");
    let kib = total.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    kib.map_or_else(unknown, |kib| format!("{:.1} GiB", kib as f64 / 1024.0 / 1024.0))
}

fn unknown() -> String {
    "unknown".to_owned()
}
