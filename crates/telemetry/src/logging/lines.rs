//! Lines for people, and those that the log writes about itself.

use rekindle_core::{Clock, SystemClock};
use serde_json::{Map, Value};
use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::config::Format;
use super::json;

/// A line that the log writes about itself, which cannot go the way of the others.
pub(super) fn own_line(format: Format, message: &str, facts: &[(&str, Value)]) -> String {
    match format {
        Format::Json => {
            let context: Map<_, _> = facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            format!("{}\n", json::plain(Level::WARN.as_str(), message, &context))
        }
        Format::Pretty => {
            let facts: String = facts.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}  WARN {message}{facts}\n", time_of_day())
        }
    }
}

/// What a person at a terminal needs of the time.
pub(super) struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        w.write_str(&time_of_day())
    }
}

fn time_of_day() -> String {
    let now = SystemClock.now().to_string();
    now.split_once('T').map_or_else(|| now.clone(), |(_, time)| time.to_owned())
}
