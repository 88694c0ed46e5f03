//! Machines, as they are sent and answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::object::Object;
use crate::page::{Listed, Page};
use crate::text_enum::text_enum;
use crate::time::Time;

text_enum! {
    /// Whether a machine takes sessions.
    MachineStatus {
        /// It takes sessions.
        Online = "online",
        /// It fell silent, or somebody said so.
        Offline = "offline",
        /// Somebody works on it: no new sessions, and its silence means nothing.
        Maintenance = "maintenance",
    }
}

/// A machine that sessions run on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Machine {
    /// Its id.
    #[cfg_attr(feature = "schema", schema(example = "build-7"))]
    pub machine_id: String,
    /// Its host name.
    #[cfg_attr(feature = "schema", schema(example = "build-7.example.org"))]
    pub hostname: String,
    /// The slots that it offers.
    #[cfg_attr(feature = "schema", schema(example = json!([1, 2, 3])))]
    pub docker_slots: Vec<u16>,
    /// The live sessions on it, oldest first: derived, never stored.
    pub active_sessions: Vec<Uuid>,
    /// Whether it takes sessions.
    pub status: MachineStatus,
    /// Its last sign of life; its sessions' heartbeats do not count.
    pub last_heartbeat: Time,
    /// The client's own data.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub metadata: Object,
    /// When it was registered.
    pub created_at: Time,
    /// When it last changed; heartbeats alone do not count.
    pub updated_at: Time,
    /// Raised by each change; also the ETag.
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub revision: u64,
}

/// A page of machines.
pub type MachineList = Page<Machine>;

impl Listed for Machine {
    const FIELD: &'static str = "machines";
    const LIST: &'static str = "MachineList";
}

/// A machine to be registered, or to replace what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "machine_id": "build-7", "hostname": "build-7.example.org", "docker_slots": [1, 2, 3] })))]
pub struct CreateMachine {
    /// Its id: no control characters, no slash; made if absent. In a PUT it is that of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, nullable = false, example = "build-7"))]
    pub machine_id: Option<String>,
    /// Its host name; no control characters.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "build-7.example.org"))]
    pub hostname: String,
    /// The slots that it offers: distinct, may be none.
    #[cfg_attr(feature = "schema", schema(example = json!([1, 2, 3])))]
    pub docker_slots: Vec<u16>,
    /// The client's own data: at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}

/// A partial update of a machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "status": "maintenance" })))]
pub struct PatchMachine {
    /// The status asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub status: Option<MachineStatus>,
    /// The slots that it offers from now on; one in use cannot go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub docker_slots: Option<Vec<u16>>,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}
