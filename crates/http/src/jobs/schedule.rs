//! When retention runs: a cron pattern, in UTC.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;
use rekindle_core::{InvalidValue, Timestamp};

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
