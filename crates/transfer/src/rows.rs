//! How each entity is written: as one JSON object, with its version, times in milliseconds since 1970 and nothing left
//! out, so that what is read is exactly what was written. What makes no sense is refused by the values themselves.

mod access;
mod event;
mod machine;
mod session;
mod task;

use rekindle_core::domain::event::Event;
use rekindle_core::store::StoredEntity;
use rekindle_core::{InvalidValue, Timestamp, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::format::Section;
use access::KeyRow;
pub use access::digits;
use event::EventRow;
use machine::MachineRow;
use session::SessionRow;
use task::TaskRow;

/// What one line of a batch holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A row with its version.
    Row(StoredEntity),
    /// Something that happened.
    Event(Event),
}

impl Item {
    /// As one line, without its end.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn write(&self, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match self {
            Self::Row(StoredEntity::Session(row)) => serde_json::to_writer(line, &SessionRow::from(row)),
            Self::Row(StoredEntity::Task(row)) => serde_json::to_writer(line, &TaskRow::from(row)),
            Self::Row(StoredEntity::Machine(row)) => serde_json::to_writer(line, &MachineRow::from(row)),
            Self::Row(StoredEntity::Key(row)) => serde_json::to_writer(line, &KeyRow::from(row)),
            Self::Event(event) => serde_json::to_writer(line, &EventRow::from(event)),
        }
    }

    /// From one line.
    ///
    /// # Errors
    /// It is no row of this section. The fault shows none of the row's content.
    pub fn read(section: Section, line: &[u8]) -> Result<Self, InvalidValue> {
        match section {
            Section::Events => parsed::<EventRow>(line)?.event().map(Self::Event),
            Section::Sessions => {
                parsed::<SessionRow>(line)?.versioned().map(|row| Self::Row(StoredEntity::Session(row)))
            }
            Section::Tasks => parsed::<TaskRow>(line)?.versioned().map(|row| Self::Row(StoredEntity::Task(row))),
            Section::Machines => {
                parsed::<MachineRow>(line)?.versioned().map(|row| Self::Row(StoredEntity::Machine(row)))
            }
            Section::Keys => parsed::<KeyRow>(line)?.versioned().map(|row| Self::Row(StoredEntity::Key(row))),
        }
    }
}

/// Only the place is told: the library's own words may quote what somebody wrote into their metadata.
fn parsed<T: DeserializeOwned>(line: &[u8]) -> Result<T, InvalidValue> {
    serde_json::from_slice(line)
        .map_err(|fault| InvalidValue::new(format!("cannot be read at column {}", fault.column())))
}

/// A row's version.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    revision: u64,
    touches: u64,
}

impl From<Version> for At {
    fn from(Version { revision, touches }: Version) -> Self {
        Self { revision, touches }
    }
}

impl At {
    fn version(self) -> Result<Version, InvalidValue> {
        let Self { revision, touches } = self;
        // What the stores can count to, and no row was ever before its first revision.
        let fits = |number| i64::try_from(number).is_ok();
        if revision == 0 || !fits(revision) || !fits(touches) {
            return Err(InvalidValue::new("version must be one that a row can have"));
        }
        Ok(Version { revision, touches })
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

/// A fault, with the name of the field.
fn field<T>(name: &str, value: Result<T, InvalidValue>) -> Result<T, InvalidValue> {
    value.map_err(|fault| InvalidValue::new(format!("{name} {fault}")))
}

/// A text that may be absent.
fn optional<T: TryFrom<String, Error = InvalidValue>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, InvalidValue> {
    field(name, text.map(T::try_from).transpose())
}

/// A text of its own kind.
fn text<T: TryFrom<String, Error = InvalidValue>>(name: &str, text: String) -> Result<T, InvalidValue> {
    field(name, T::try_from(text))
}

#[cfg(test)]
mod tests;
