//! When a job runs: a cron pattern, in UTC.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use rekindle_core::{InvalidValue, Timestamp};

/// A time that passed no longer ago than this is made up for.
pub const CATCH_UP_WINDOW: Duration = Duration::from_secs(60);

/// A cron pattern of five fields, in UTC.
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

impl Schedule {
    /// The first time after this one; none if there never is one.
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = jiff::Timestamp::from_millisecond(moment.millis()).ok()?.to_zoned(TimeZone::UTC);
        let next = self.0.find_next_occurrence(&moment, false).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }
}

impl FromStr for Schedule {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let cron = Cron::from_str(text);
        cron.map(Self)
            .map_err(|_| InvalidValue::new("must be a cron pattern of five fields, in UTC, such as 0 2 * * *"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_schedule_is_at_two_in_the_night_utc() {
        let schedule: Schedule = "0 2 * * *".parse().unwrap();
        assert_eq!(schedule.after(at("2026-01-19T01:59:59.999Z")), Some(at("2026-01-19T02:00:00.000Z")));
        assert_eq!(schedule.after(at("2026-01-19T02:00:00.000Z")), Some(at("2026-01-20T02:00:00.000Z")));
        assert!("x".parse::<Schedule>().is_err());
    }
}
