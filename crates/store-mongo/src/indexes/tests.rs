//! The indexes are those of existing databases: a difference would make a server of this version refuse them.

use rekindle_records::{Extension, RecordType};

use super::*;
use crate::kinds::Kinds;

/// Returns the indexes of a collection, each as a line: name, key, whether it is unique, filter, expiry.
fn lines(collection: &str) -> Vec<String> {
    let kinds = Kinds::with(Extension::NONE);
    let declaration = kinds.get(collection).ok().map(RecordType::declaration);
    let of_records = declaration.map(of_records).unwrap_or_default().into_iter().map(|(_, index)| index);
    let line = |index: Index| {
        let key: Vec<_> = index.key.iter().map(|(field, way)| format!("{field} {way}")).collect();
        let unique = if index.unique { " unique" } else { "" };
        let partial = index.partial.map(|filter| format!(" where {filter}")).unwrap_or_default();
        let expires = index.expires.map(|expires| format!(" {expires:?}")).unwrap_or_default();
        format!("{}: {}{unique}{partial}{expires}", index.name, key.join(", "))
    };
    of_records.chain(others_of(collection)).map(line).collect()
}

#[test]
fn indexes_are_those_of_existing_databases() {
    let live = r#"{ "$in": ["active", "paused", "stalled"] }"#;
    let sessions = [
        "session_id_1: session_id 1 unique".to_owned(),
        r#"one_active: project_id 1, machine_id 1 unique where { "status": "active" }"#.to_owned(),
        format!(
            r#"one_per_slot: machine_id 1, docker_slot 1 unique where {{ "docker_slot": {{ "$gte": 0 }}, "status": {live} }}"#
        ),
        r#"one_successor: recovered_from 1 unique where { "recovered_from": { "$exists": true } }"#.to_owned(),
        "project_id_1_status_1: project_id 1, status 1".to_owned(),
        "machine_id_1: machine_id 1".to_owned(),
        "last_heartbeat_1: last_heartbeat 1".to_owned(),
        r#"silence: status 1, last_heartbeat 1, _id 1 where { "status": { "$in": ["active", "stalled"] } }"#.to_owned(),
        format!(r#"live: machine_id 1, created_at 1, _id 1 where {{ "status": {live} }}"#),
        "created_at_-1__id_-1: created_at -1, _id -1".to_owned(),
        "project_id_1_created_at_-1__id_-1: project_id 1, created_at -1, _id -1".to_owned(),
        "machine_id_1_created_at_-1__id_-1: machine_id 1, created_at -1, _id -1".to_owned(),
        "status_1_created_at_-1__id_-1: status 1, created_at -1, _id -1".to_owned(),
        "lineage_id_1_created_at_-1__id_-1: lineage_id 1, created_at -1, _id -1".to_owned(),
        r#"archived: created_at -1, _id -1 where { "archived_at": { "$exists": true } }"#.to_owned(),
        r#"retention: completed_at 1 where { "archived_at": null } AfterRetention"#.to_owned(),
    ];
    assert_eq!(lines("sessions"), sessions);
    let tasks = [
        "task_id_1: task_id 1 unique",
        "session_id_1_status_1: session_id 1, status 1",
        "project_id_1: project_id 1",
        "created_at_-1__id_-1: created_at -1, _id -1",
        "session_id_1_created_at_-1__id_-1: session_id 1, created_at -1, _id -1",
        "project_id_1_created_at_-1__id_-1: project_id 1, created_at -1, _id -1",
        "status_1_created_at_-1__id_-1: status 1, created_at -1, _id -1",
        "retention: session_ended_at 1 AfterRetention",
    ];
    assert_eq!(lines("tasks"), tasks);
    let machines = [
        "machine_id_1: machine_id 1 unique",
        "status_1: status 1",
        "last_heartbeat_1: last_heartbeat 1",
        r#"silence: status 1, last_heartbeat 1, _id 1 where { "status": "online" }"#,
        "created_at_-1__id_-1: created_at -1, _id -1",
        "status_1_created_at_-1__id_-1: status 1, created_at -1, _id -1",
    ];
    assert_eq!(lines("machines"), machines);
    assert_eq!(lines("answers"), ["until_1: until 1 AtTime"]);
    assert!(lines("api_keys").is_empty() && lines("watch").is_empty());
}
