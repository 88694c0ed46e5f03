//! Entities for tests: plain ones to change as a test needs, and one of every shape that there is.

use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::domain::session::{Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered};
use rekindle_core::domain::task::TaskState;
use rekindle_core::values::Slots;
use rekindle_core::{
    ApiKey, KeyId, Machine, MachineId, MachineStatus, Metadata, Role, Session, SessionId, Task, TaskId, Timestamp,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The time at which the samples were made.
pub const NOON: Timestamp = Timestamp::from_millis(1_768_824_000_000);

/// This many milliseconds after noon.
pub fn noon_plus(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOON.millis() + millis)
}

/// Returns the id for this number; a valid UUID v4.
pub fn uuid(n: u64) -> Uuid {
    uuid::Builder::from_random_bytes(u128::from(n).to_be_bytes()).into_uuid()
}

/// A value from its text.
///
/// # Panics
/// When the text is not valid: a test's own mistake.
pub fn text<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// Metadata from a JSON object.
///
/// # Panics
/// When it is none, or too large.
pub fn metadata(content: Value) -> Metadata {
    let Value::Object(map) = content else { panic!("metadata is an object") };
    Metadata::new(map).unwrap()
}

/// An active session of project `p{n}` on machine `m1`, made at noon.
pub fn session(n: u64) -> Session {
    let id = SessionId(uuid(n));
    Session {
        id,
        project_id: text(&format!("p{n}")),
        machine_id: text("m1"),
        docker_slot: None,
        phase: live(LiveState::Active),
        last_heartbeat: NOON,
        started_at: NOON,
        metadata: Metadata::default(),
        lineage: Lineage { id, attempt: 1, recovered_from: None },
        created_at: NOON,
        updated_at: NOON,
    }
}

/// A live phase without a current task.
pub fn live(state: LiveState) -> Phase {
    Phase::Live(Live { state, current_task: None })
}

/// A phase that ended at this time.
pub fn ended(at: Timestamp, outcome: Outcome) -> Phase {
    Phase::Ended(Ended { at, outcome, archived_at: None })
}

/// A pending task of a session.
pub fn task(n: u64, session: &Session) -> Task {
    Task {
        id: TaskId(uuid(n)),
        session_id: session.id,
        project_id: session.project_id.clone(),
        github_issue_id: None,
        name: text(&format!("task {n}")),
        state: TaskState::Pending,
        metadata: Metadata::default(),
        copied_from: None,
        created_at: NOON,
        updated_at: NOON,
    }
}

/// An online machine without slots.
pub fn machine(id: &str) -> Machine {
    Machine {
        id: text(id),
        hostname: text("build-1.example"),
        docker_slots: Slots::default(),
        status: MachineStatus::Online,
        last_heartbeat: NOON,
        metadata: Metadata::default(),
        created_at: NOON,
        updated_at: NOON,
    }
}

/// A worker's key that is good for ever, made at noon.
pub fn key(n: u64) -> ApiKey {
    ApiKey {
        id: KeyId(uuid(n)),
        name: text(&format!("key {n}")),
        secret: SecretHash([u8::try_from(n % 256).unwrap(); 32]),
        role: Role::Worker,
        project_id: None,
        created_at: NOON,
        expires_at: None,
        revoked_at: None,
        replaced_by: None,
    }
}

/// A machine's id.
pub fn machine_id(id: &str) -> MachineId {
    text(id)
}

/// Metadata that a careless store would spoil.
pub fn awkward_metadata() -> Metadata {
    metadata(json!({
        "quotes": "it's \"quoted\"; DROP TABLE sessions; --",
        "unicode": "Zürich 東京 🜂 \u{200f}",
        "control": "tab\tnewline\nnull\u{0}end",
        "$where": {"$gt": ""},
        "dotted.key": {"": []},
        "numbers": [0, -1, 9_007_199_254_740_993_i64, u64::MAX, i64::MIN, 0.1, 1e300],
        "nothing": null,
        "deep": {"a": {"b": {"c": [true, false, null]}}},
    }))
}

/// A session in every shape that a phase can have, each of its own project.
pub fn sessions_of_every_shape() -> Vec<Session> {
    let later = noon_plus(1);
    let reason = || text("exit status 1\nlast words");
    let recovered = |error_message, prepared_at| {
        Outcome::Recovered(Recovered { into: SessionId(uuid(900)), at: noon_plus(9), prepared_at, error_message })
    };
    let mut phases = vec![
        live(LiveState::Active),
        live(LiveState::Paused),
        live(LiveState::Stalled { prepared_at: None }),
        live(LiveState::Stalled { prepared_at: Some(later) }),
        ended(later, Outcome::Completed),
        ended(later, Outcome::Failed { error_message: reason(), prepared_at: None }),
        ended(later, Outcome::Failed { error_message: reason(), prepared_at: Some(noon_plus(2)) }),
        ended(later, recovered(None, None)),
        ended(later, recovered(Some(reason()), Some(noon_plus(3)))),
    ];
    phases.push(Phase::Live(Live { state: LiveState::Active, current_task: Some(text("a label, no id")) }));
    for outcome in [Outcome::Completed, recovered(Some(reason()), None)] {
        phases.push(Phase::Ended(Ended { at: later, outcome, archived_at: Some(noon_plus(7)) }));
    }
    let mut sessions = Vec::new();
    for (n, phase) in (1..).zip(phases) {
        let mut shape = session(n);
        shape.phase = phase;
        sessions.push(shape);
    }
    let mut full = session(100);
    full.docker_slot = Some(rekindle_core::Slot(65535));
    full.metadata = awkward_metadata();
    full.lineage = Lineage { id: SessionId(uuid(77)), attempt: 3, recovered_from: Some(SessionId(uuid(78))) };
    full.last_heartbeat = noon_plus(123);
    full.updated_at = noon_plus(456);
    sessions.push(full);
    sessions
}

/// A task of this session in every shape that a state can have.
pub fn tasks_of_every_shape(session: &Session) -> Vec<Task> {
    let (start, end) = (noon_plus(1), noon_plus(2));
    let error_message = || text("it broke; see the log");
    let states = [
        TaskState::Pending,
        TaskState::InProgress { started_at: start },
        TaskState::Blocked { started_at: None },
        TaskState::Blocked { started_at: Some(start) },
        TaskState::Completed { started_at: None, at: end },
        TaskState::Completed { started_at: Some(start), at: end },
        TaskState::Failed { started_at: None, at: end, error_message: error_message() },
        TaskState::Failed { started_at: Some(start), at: end, error_message: error_message() },
    ];
    let mut tasks = Vec::new();
    for (n, state) in (200..).zip(states) {
        let mut shape = task(n, session);
        shape.state = state;
        shape.github_issue_id = n.is_multiple_of(2).then(|| text("#42"));
        shape.copied_from = n.is_multiple_of(3).then(|| TaskId(uuid(1000 + n)));
        shape.metadata = if n == 200 { awkward_metadata() } else { Metadata::default() };
        tasks.push(shape);
    }
    tasks
}

/// The largest metadata that is allowed.
pub fn largest_metadata() -> Metadata {
    let mut map = Map::new();
    map.insert("x".to_owned(), Value::String("y".repeat(64 * 1024 - 8)));
    Metadata::new(map).unwrap()
}
