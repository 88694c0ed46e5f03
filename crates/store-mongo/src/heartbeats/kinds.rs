//! The two kinds of heartbeat: of sessions and of machines.

use bson::raw::CStr;
use bson::{RawDocument, RawDocumentBuf, cstr, rawdoc};
use rekindle_core::domain::machine::{Machine, MachineStatus};
use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::store::{SessionHeartbeat, StoreError, Versioned};
use rekindle_core::values::{MachineId, SessionId, Timestamp};

use super::heartbeat::Heartbeat;
use crate::documents::record::record;
use crate::indexes::name;

impl Heartbeat for SessionHeartbeat {
    type Row = Session;
    type Id<'a> = SessionId;
    const COLLECTION: &'static str = "sessions";
    const ID: &'static CStr = cstr!("session_id");
    const INDEX: &'static str = name::SESSION;

    fn id(&self) -> String {
        self.session.to_string()
    }

    fn key(&self) -> (SessionId, Option<&str>) {
        (self.session, self.current_task.as_ref().map(|label| label.as_str()))
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn filter(&self) -> RawDocumentBuf {
        let mut filter = rawdoc! {
            "session_id": self.id(),
            "status": { "$in": [SessionStatus::Active.as_str(), SessionStatus::Paused.as_str()] },
        };
        if let Some(label) = &self.current_task {
            filter.append(cstr!("current_task_id"), label.as_str());
        }
        filter
    }

    fn allows(&self, row: &Session) -> bool {
        matches!(row.status(), SessionStatus::Active | SessionStatus::Paused)
            && (self.current_task.is_none() || self.current_task.as_ref() == row.current_task())
    }

    fn last_heartbeat(row: &Session) -> Timestamp {
        row.last_heartbeat
    }

    fn record_heartbeat(row: &mut Session, at: Timestamp) {
        row.last_heartbeat = row.last_heartbeat.max(at);
    }

    fn read(document: &RawDocument) -> Result<Versioned<Session>, StoreError> {
        record(document)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MachineHeartbeat {
    pub(crate) machine: MachineId,
    pub(crate) at: Timestamp,
}

impl Heartbeat for MachineHeartbeat {
    type Row = Machine;
    type Id<'a> = &'a str;
    const COLLECTION: &'static str = "machines";
    const ID: &'static CStr = cstr!("machine_id");
    const INDEX: &'static str = name::MACHINE;

    fn id(&self) -> String {
        self.machine.as_str().to_owned()
    }

    fn key(&self) -> (&str, Option<&str>) {
        (self.machine.as_str(), None)
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn filter(&self) -> RawDocumentBuf {
        rawdoc! {
            "machine_id": self.machine.as_str(),
            "status": { "$in": [MachineStatus::Online.as_str(), MachineStatus::Maintenance.as_str()] },
        }
    }

    fn allows(&self, row: &Machine) -> bool {
        row.status != MachineStatus::Offline
    }

    fn last_heartbeat(row: &Machine) -> Timestamp {
        row.last_heartbeat
    }

    fn record_heartbeat(row: &mut Machine, at: Timestamp) {
        row.last_heartbeat = row.last_heartbeat.max(at);
    }

    fn read(document: &RawDocument) -> Result<Versioned<Machine>, StoreError> {
        record(document)
    }
}
