//! Points in time, as they are written in bodies.

use std::fmt;

use rekindle_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// A point in time: RFC 3339, UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-01-19T08:30:00.000Z")]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match shown(self.0.millis()) {
            Some(text) => serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => serializer.collect_str(&self.0),
        }
    }
}

/// What a [`Timestamp`] shows, for the years from 1970 to 9999 and without the general formatter: every answer holds
/// several of them. Years, months and days are counted from a first of March, as leap days then come last.
fn shown(millis: i64) -> Option<[u8; 24]> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    const LAST: u64 = 253_402_300_799_999;
    let millis = u64::try_from(millis).ok().filter(|millis| *millis <= LAST)?;
    // Days since 1 March of the year 0, in cycles of 400 years.
    let days = millis / DAY_MS + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = cycle * 400 + year + later;
    let moment = millis % DAY_MS;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |place: std::ops::Range<usize>, mut number: u64| {
        for digit in text[place].iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    };
    put(0..4, year);
    put(5..7, month);
    put(8..10, day);
    put(11..13, moment / 3_600_000);
    put(14..16, moment / 60_000 % 60);
    put(17..19, moment / 1000 % 60);
    put(20..23, moment % 1000);
    Some(text)
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}
