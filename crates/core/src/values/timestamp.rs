//! Points in time: UTC, whole milliseconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::InvalidValue;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Displayed as RFC 3339 with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest representable time, before every recorded one.
    pub const MIN: Self = Self(i64::MIN);

    /// Returns the time that lies so many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the time that is later by `span`; saturates at the latest representable time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the time that is earlier by `span`; saturates at [`Self::MIN`].
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the time that passed from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// Formats by hand: the response to a heartbeat contains five times, and this costs a tenth of a formatter that
    /// interprets its format at run time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let Ok(moment) = OffsetDateTime::from_unix_timestamp(seconds) else { return write!(f, "{}ms", self.0) };
        let (year, month, day) = moment.to_calendar_date();
        let Ok(year) = u16::try_from(year) else { return write!(f, "{}ms", self.0) };
        let (hour, minute, second) = moment.to_hms();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut write = |at: usize, digits: usize, mut number: u16| {
            for place in text[at..at + digits].iter_mut().rev() {
                *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        write(0, 4, year);
        write(5, 2, u16::from(u8::from(month)));
        write(8, 2, u16::from(day));
        write(11, 2, u16::from(hour));
        write(14, 2, u16::from(minute));
        write(17, 2, u16::from(second));
        write(20, 3, u16::try_from(millis).unwrap_or(0));
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Timestamp {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| InvalidValue::new("must be an RFC 3339 time such as 2026-01-19T08:30:00.000Z"))?;
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis)
            .map(Self)
            .map_err(|_| InvalidValue::new("must be a time that can be counted in milliseconds"))
    }
}
