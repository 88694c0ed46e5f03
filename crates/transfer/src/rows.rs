//! The format of each entity: one JSON object with its version, times in milliseconds since 1970 and no field left out,
//! so that reading returns exactly what was written. Invalid values are refused by the types themselves.

mod access;
mod event;
mod fields;
mod machine;
mod session;
mod task;

use rekindle_core::domain::event::Event;
use rekindle_core::store::Write;
use rekindle_core::{ApiKey, InvalidValue, Machine, Session, Task, Versioned};
use serde::de::DeserializeOwned;

use crate::format::Section;
use access::KeyRow;
pub(crate) use access::digits;
use event::EventRow;
use machine::MachineRow;
use session::SessionRow;
use task::TaskRow;

/// A row of a store, at its version there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StoredEntity {
    /// A session.
    Session(Versioned<Session>),
    /// A task.
    Task(Versioned<Task>),
    /// A machine.
    Machine(Versioned<Machine>),
    /// An API key.
    Key(Versioned<ApiKey>),
}

impl StoredEntity {
    /// Returns the write that inserts it.
    pub(crate) fn restore(self) -> Write {
        match self {
            Self::Session(row) => Write::restore(row),
            Self::Task(row) => Write::restore(row),
            Self::Machine(row) => Write::restore(row),
            Self::Key(row) => Write::restore(row),
        }
    }
}

/// The content of one line of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// A row with its version.
    Row(StoredEntity),
    /// An event.
    Event(Event),
}

impl Item {
    /// Writes it as one line, without a line end.
    ///
    /// # Errors
    /// Fails if it cannot be written as JSON.
    pub(crate) fn write(&self, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match self {
            Self::Row(StoredEntity::Session(row)) => serde_json::to_writer(line, &SessionRow::from(row)),
            Self::Row(StoredEntity::Task(row)) => serde_json::to_writer(line, &TaskRow::from(row)),
            Self::Row(StoredEntity::Machine(row)) => serde_json::to_writer(line, &MachineRow::from(row)),
            Self::Row(StoredEntity::Key(row)) => serde_json::to_writer(line, &KeyRow::from(row)),
            Self::Event(event) => serde_json::to_writer(line, &EventRow::from(event)),
        }
    }

    /// Parses a line of this section.
    ///
    /// # Errors
    /// Fails if the line is no row of this section. The error shows nothing of the content.
    pub(crate) fn read(section: Section, line: &[u8]) -> Result<Self, InvalidValue> {
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

/// Only the position is reported: the library's message may quote metadata.
fn parsed<T: DeserializeOwned>(line: &[u8]) -> Result<T, InvalidValue> {
    serde_json::from_slice(line)
        .map_err(|fault| InvalidValue::new(format!("cannot be read at column {}", fault.column())))
}

#[cfg(test)]
mod tests;
