//! What the operating system knows of this process, under the names that Prometheus' own libraries use. Read from `/proc`:
//! where there is none, nothing is said.

use std::fs;

use super::exposition::Page;
use super::names::{CPU_SECONDS, MAX_FDS, OPEN_FDS, RESIDENT_MEMORY, START_TIME};

/// In which unit Linux tells user space of time, whatever it counts by itself.
const TICKS_PER_SECOND: f64 = 100.0;
/// Where the times are in `/proc/self/stat`, counted from behind the program's name.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const BEGAN: usize = 19;

pub(super) fn add_to(page: &mut Page) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |place| ticks(&stat, place);
    let cpu = ticks(USER_TIME).zip(ticks(SYSTEM_TIME)).map(|(user, system)| user + system);
    page.one(&CPU_SECONDS, cpu);
    page.one(&START_TIME, ticks(BEGAN).zip(booted()).map(|(after_boot, booted)| booted + after_boot));
    page.one(&RESIDENT_MEMORY, field("/proc/self/status", "VmRSS:").map(|kib| kib * 1024.0));
    #[expect(clippy::cast_precision_loss, reason = "nobody has as many files open as a float has digits")]
    let open = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    page.one(&OPEN_FDS, open);
    page.one(&MAX_FDS, field("/proc/self/limits", "Max open files"));
}

/// A time in `/proc/self/stat`, in seconds. The program's name may hold anything, and ends with the last bracket.
fn ticks(stat: &str, place: usize) -> Option<f64> {
    let ticks: f64 = stat.rsplit_once(") ")?.1.split(' ').nth(place)?.parse().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// When the machine was started, in Unix seconds.
fn booted() -> Option<f64> {
    field("/proc/stat", "btime")
}

/// The number behind a name in a file.
fn field(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let stat =
            "42 (a) b (c) ) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 4 0 12345 1000 200 18446744073709551615";
        assert_eq!(ticks(stat, USER_TIME), Some(1.5));
        assert_eq!(ticks(stat, SYSTEM_TIME), Some(0.5));
        assert_eq!(ticks(stat, BEGAN), Some(123.45));
        assert_eq!(ticks("", BEGAN), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_knows_all_of_it() {
        let mut page = Page::after(String::new());
        add_to(&mut page);
        let text = page.done();
        for metric in [CPU_SECONDS, START_TIME, RESIDENT_MEMORY, OPEN_FDS, MAX_FDS] {
            assert!(text.contains(&format!("\n{} ", metric.name)), "{} in {text}", metric.name);
        }
    }
}
