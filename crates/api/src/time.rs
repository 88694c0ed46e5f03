//! Points in time, as they are written in bodies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::text_enum::InvalidTextError;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The years 0 to 9999, which have four digits.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// A point in time: RFC 3339, UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime, example = "2026-01-19T08:30:00.000Z"))]
pub struct Time(i64);

impl Time {
    /// Returns the time so many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

/// Writes a time without the general formatter, as every answer has several. Years, months and days are counted from
/// a first of March, as leap days then come last. Returns nothing outside the years 0 to 9999.
fn to_text(millis: i64) -> Option<[u8; 24]> {
    if !(FIRST..=LAST).contains(&millis) {
        return None;
    }
    // Days since 1 March of the year 0, in cycles of 400 years.
    let days = millis.div_euclid(DAY_MILLIS) + 719_468;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = cycle * 400 + year + next_year;
    let time_of_day = millis.rem_euclid(DAY_MILLIS);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |place: std::ops::Range<usize>, mut number: i64| {
        for digit in text[place].iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    };
    put(0..4, year);
    put(5..7, month);
    put(8..10, day);
    put(11..13, time_of_day / 3_600_000);
    put(14..16, time_of_day / 60_000 % 60);
    put(17..19, time_of_day / 1000 % 60);
    put(20..23, time_of_day % 1000);
    Some(text)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match to_text(self.0) {
            Some(text) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Time {
    type Err = InvalidTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |message: &str| InvalidTextError(message.to_owned());
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| invalid("must be an RFC 3339 time such as 2026-01-19T08:30:00.000Z"))?;
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        let millis =
            i64::try_from(millis).map_err(|_| invalid("must be a time that can be counted in milliseconds"))?;
        Ok(Self(millis))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match to_text(self.0) {
            Some(text) => serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Returns a duration in whole milliseconds.
pub fn duration_millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
