//! Rows of the database as entities. A row that makes no sense is [`StoreError::Corrupt`], and the error names it.

mod access;

pub use access::{event, key, remembered};
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::{
    Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus,
};
use rekindle_core::domain::task::{Task, TaskState, TaskStatus};
use rekindle_core::store::{Expired, StoreError, Version, Versioned};
use rekindle_core::values::{Metadata, SessionId, Slot, Slots, TaskId, Timestamp};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Why a row makes no sense, in words; [`naming`] adds which row.
type DecodeError = String;

/// A row of a list: the entity, and the mark that a cursor to it carries.
pub struct Sequenced<T> {
    /// The store's own order of rows.
    pub seq: i64,
    /// The entity.
    pub entity: Versioned<T>,
}

/// Reads columns one after the other.
struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    fn get<T: FromSql>(&mut self) -> Result<T, DecodeError> {
        let column = self.next;
        self.next += 1;
        self.row.get(column).map_err(|error| error.to_string())
    }

    fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, DecodeError> {
        let number: i64 = self.get()?;
        T::try_from(number).map_err(|_| format!("{what} cannot be {number}"))
    }

    fn time(&mut self) -> Result<Timestamp, DecodeError> {
        self.get().map(Timestamp::from_millis)
    }

    fn time_or_none(&mut self) -> Result<Option<Timestamp>, DecodeError> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    /// A text that is valid by construction.
    fn text<T: TryFrom<String>>(&mut self, what: &str) -> Result<T, DecodeError>
    where
        T::Error: std::fmt::Display,
    {
        T::try_from(self.get::<String>()?).map_err(|fault| format!("{what} {fault}"))
    }

    fn text_or_none<T: TryFrom<String>>(&mut self, what: &str) -> Result<Option<T>, DecodeError>
    where
        T::Error: std::fmt::Display,
    {
        let text = self.get::<Option<String>>()?;
        text.map(T::try_from).transpose().map_err(|fault| format!("{what} {fault}"))
    }

    fn member<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, DecodeError>
    where
        T::Err: std::fmt::Display,
    {
        let column = self.next;
        self.next += 1;
        let value = self.row.get_ref(column).map_err(|error| error.to_string())?;
        let text = value.as_str().map_err(|error| error.to_string())?;
        text.parse().map_err(|fault| format!("{what} {fault}"))
    }

    fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.get()?))
    }

    fn uuid_or_none(&mut self) -> Result<Option<Uuid>, DecodeError> {
        Ok(self.get::<Option<[u8; 16]>>()?.map(Uuid::from_bytes))
    }

    fn version(&mut self) -> Result<Version, DecodeError> {
        Ok(Version { revision: self.number("revision")?, touches: self.number("touches")? })
    }

    fn object(&mut self, what: &str) -> Result<Map<String, Value>, DecodeError> {
        let column = self.next;
        self.next += 1;
        let value = self.row.get_ref(column).map_err(|error| error.to_string())?;
        let text = value.as_str().map_err(|error| error.to_string())?;
        if text == "{}" {
            return Ok(Map::new());
        }
        serde_json::from_str(text).map_err(|fault| format!("{what} is no JSON object: {fault}"))
    }

    fn metadata(&mut self) -> Result<Metadata, DecodeError> {
        let content = self.object("metadata")?;
        if content.is_empty() {
            return Ok(Metadata::default());
        }
        Metadata::new(content).map_err(|fault| format!("metadata {fault}"))
    }
}

/// Adds to the nonsense which row it was found in: its table, its first column, and its id in the second.
fn naming<'r, T>(
    table: &str,
    row: &'r Row<'_>,
    read: impl FnOnce(&mut Columns<'r, '_>) -> Result<T, DecodeError>,
) -> Result<T, StoreError> {
    let mut columns = Columns::of(row);
    read(&mut columns).map_err(|nonsense| {
        let id = match row.get_ref(1) {
            Ok(ValueRef::Blob(bytes)) => Uuid::from_slice(bytes).map(|id| format!(" ({id})")).unwrap_or_default(),
            Ok(ValueRef::Text(text)) => format!(" ({})", String::from_utf8_lossy(text)),
            Ok(ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_)) | Err(_) => String::new(),
        };
        let seq = row.get::<_, i64>(0).map_or_else(|_| "?".to_owned(), |seq| seq.to_string());
        StoreError::Corrupt(format!("row {seq}{id} of table {table}: {nonsense}"))
    })
}

/// A session, from a row of `session_columns!`.
pub fn session(row: &Row<'_>) -> Result<Sequenced<Session>, StoreError> {
    naming("sessions", row, |columns| {
        let seq = columns.get()?;
        let id = SessionId(columns.uuid()?);
        let project_id = columns.text("project_id")?;
        let machine_id = columns.text("machine_id")?;
        let docker_slot = columns.get::<Option<i64>>()?.map(Slot::try_from).transpose();
        let docker_slot = docker_slot.map_err(|fault| format!("docker_slot {fault}"))?;
        let status: SessionStatus = columns.member("status")?;
        let last_heartbeat = columns.time()?;
        let current_task = columns.text_or_none("current_task")?;
        let started_at = columns.time()?;
        let end = End {
            at: columns.time_or_none()?,
            archived_at: columns.time_or_none()?,
            error_message: columns.text_or_none("error_message")?,
            prepared_at: columns.time_or_none()?,
            into: columns.uuid_or_none()?.map(SessionId),
            recovered_at: columns.time_or_none()?,
        };
        let lineage = Lineage {
            id: SessionId(columns.uuid()?),
            attempt: columns.number("attempt")?,
            recovered_from: columns.uuid_or_none()?.map(SessionId),
        };
        let created_at = columns.time()?;
        let updated_at = columns.time()?;
        let version = columns.version()?;
        let metadata = columns.metadata()?;
        let phase = if status.is_live() {
            let prepared_at = end.prepared_at;
            let state = match status {
                SessionStatus::Paused => LiveState::Paused,
                SessionStatus::Stalled => LiveState::Stalled { prepared_at },
                SessionStatus::Active | SessionStatus::Completed | SessionStatus::Failed => LiveState::Active,
            };
            Phase::Live(Live { state, current_task })
        } else {
            Phase::Ended(end.of(status)?)
        };
        let value = Session {
            id,
            project_id,
            machine_id,
            docker_slot,
            phase,
            last_heartbeat,
            started_at,
            metadata,
            lineage,
            created_at,
            updated_at,
        };
        Ok(Sequenced { seq, entity: Versioned { value, version } })
    })
}

/// The columns of how a session ended.
struct End {
    at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    error_message: Option<rekindle_core::values::ErrorMessage>,
    prepared_at: Option<Timestamp>,
    into: Option<SessionId>,
    recovered_at: Option<Timestamp>,
}

impl End {
    fn of(self, status: SessionStatus) -> Result<Ended, DecodeError> {
        let at = self.at.ok_or("it has ended, at no time")?;
        let outcome = match (status, self.into, self.recovered_at) {
            (SessionStatus::Failed, _, _) => Outcome::Failed {
                error_message: self.error_message.ok_or("it failed, and does not say why")?,
                prepared_at: self.prepared_at,
            },
            (_, Some(into), Some(recovered_at)) => Outcome::Recovered(Recovered {
                into,
                at: recovered_at,
                prepared_at: self.prepared_at,
                error_message: self.error_message,
            }),
            (_, None, None) => Outcome::Completed,
            (_, _, _) => return Err("its recovery is half there".to_owned()),
        };
        Ok(Ended { at, outcome, archived_at: self.archived_at })
    }
}

/// A task, from a row of `task_columns!`.
pub fn task(row: &Row<'_>) -> Result<Sequenced<Task>, StoreError> {
    naming("tasks", row, |columns| {
        let seq = columns.get()?;
        let id = TaskId(columns.uuid()?);
        let session_id = SessionId(columns.uuid()?);
        let project_id = columns.text("project_id")?;
        let github_issue_id = columns.text_or_none("github_issue_id")?;
        let name = columns.text("name")?;
        let status = columns.member("status")?;
        let started_at = columns.time_or_none()?;
        let at = columns.time_or_none()?;
        let error_message = columns.text_or_none("error_message")?;
        let copied_from = columns.uuid_or_none()?.map(TaskId);
        let created_at = columns.time()?;
        let updated_at = columns.time()?;
        let version = columns.version()?;
        let metadata = columns.metadata()?;
        let ended = || at.ok_or("it has ended, at no time");
        let state = match status {
            TaskStatus::Pending => TaskState::Pending,
            TaskStatus::InProgress => {
                TaskState::InProgress { started_at: started_at.ok_or("it is in progress, since no time")? }
            }
            TaskStatus::Blocked => TaskState::Blocked { started_at },
            TaskStatus::Completed => TaskState::Completed { started_at, at: ended()? },
            TaskStatus::Failed => TaskState::Failed {
                started_at,
                at: ended()?,
                error_message: error_message.ok_or("it failed, and does not say why")?,
            },
        };
        let value = Task {
            id,
            session_id,
            project_id,
            github_issue_id,
            name,
            state,
            metadata,
            copied_from,
            created_at,
            updated_at,
        };
        Ok(Sequenced { seq, entity: Versioned { value, version } })
    })
}

/// A machine, from a row of `machine_columns!`.
pub fn machine(row: &Row<'_>) -> Result<Sequenced<Machine>, StoreError> {
    naming("machines", row, |columns| {
        let seq = columns.get()?;
        let id = columns.text("id")?;
        let hostname = columns.text("hostname")?;
        let docker_slots = slots(&columns.get::<String>()?)?;
        let status = columns.member("status")?;
        let last_heartbeat = columns.time()?;
        let created_at = columns.time()?;
        let updated_at = columns.time()?;
        let version = columns.version()?;
        let metadata = columns.metadata()?;
        let value = Machine { id, hostname, docker_slots, status, last_heartbeat, metadata, created_at, updated_at };
        Ok(Sequenced { seq, entity: Versioned { value, version } })
    })
}

fn slots(json: &str) -> Result<Slots, DecodeError> {
    let numbers: Vec<u16> =
        serde_json::from_str(json).map_err(|fault| format!("docker_slots is no array of slots: {fault}"))?;
    let slots: Vec<Slot> = numbers.into_iter().map(Slot).collect();
    Slots::try_from(slots).map_err(|fault| format!("docker_slots {fault}"))
}

/// An ended session, from a row of [`crate::sql::EXPIRED`].
pub fn expired(row: &Row<'_>) -> Result<Expired, StoreError> {
    naming("sessions", row, |columns| {
        let _: i64 = columns.get()?;
        Ok(Expired {
            session_id: SessionId(columns.uuid()?),
            project_id: columns.text("project_id")?,
            completed_at: columns.time()?,
            version: columns.version()?,
        })
    })
}
