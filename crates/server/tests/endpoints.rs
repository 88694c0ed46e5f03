//! Every endpoint once as intended, with the request and response types that clients share.

mod support;

use std::sync::Arc;
use std::time::Duration;

use rekindle_api::{
    CleanupReport, CreateMachine, CreateSession, CreateTask, DetectReport, HealthSummary, HeartbeatBody,
    HeartbeatResponse, Machine, MachineList, MachineStatus, MarkFailed, Nullable, PatchMachine, PatchSession,
    PatchTask, PrepareRecovery, Recover, RecoveryState, Session, SessionHealth, SessionList, SessionStatus,
    StalledReport, Task, TaskList, TaskStatus,
};
use rekindle_testkit::ManualClock;
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Setup, TestServer, read, value};

#[tokio::test]
async fn sessions() {
    let server = TestServer::start().await;
    let mine = json!({ "editor": { "version": 1 } }).as_object().cloned();
    let create = CreateSession {
        project_id: "p".to_owned(),
        machine_id: "m".to_owned(),
        docker_slot: Some(3),
        metadata: mine.clone(),
    };
    let reply = server.post("/api/sessions", value(&create)).await.expect(StatusCode::CREATED);
    let session: Session = read(&reply);
    let path = format!("/api/sessions/{}", session.session_id);
    assert_eq!((reply.header("location"), reply.header("etag")), (Some(path.as_str()), Some("\"1\"")));
    assert_eq!((session.status, session.docker_slot, session.attempt), (SessionStatus::Active, Some(3), 1));
    assert_eq!((session.lineage_id, Some(session.metadata.clone())), (session.session_id, mine));
    assert_eq!(read::<Session>(&server.get(&path).await.expect(StatusCode::OK)), session);

    let taken = server.post("/api/sessions", value(&create)).await;
    taken.error(StatusCode::CONFLICT, "session_conflict");
    assert_eq!(taken.detail("existing_session_id"), session.session_id.to_string());
    let slot = CreateSession { project_id: "other".to_owned(), ..create };
    let slot = server.post("/api/sessions", value(&slot)).await;
    slot.error(StatusCode::CONFLICT, "slot_conflict");
    assert_eq!(slot.detail("existing_session_id"), session.session_id.to_string());

    let beat = HeartbeatBody { current_task_id: Nullable::Value("task-123".to_owned()), metadata: None };
    let reply = server.post(&format!("{path}/heartbeat"), value(&beat)).await.expect(StatusCode::OK);
    let beaten: HeartbeatResponse = read(&reply);
    assert_eq!(beaten.next_heartbeat_ms, 60_000, "a third of the threshold");
    assert_eq!(beaten.session.current_task_id.as_deref(), Some("task-123"));
    let clear = HeartbeatBody { current_task_id: Nullable::Null, metadata: None };
    let cleared = server.post(&format!("{path}/heartbeat"), value(&clear)).await.expect(StatusCode::OK);
    assert_eq!(cleared.field("current_task_id"), Value::Null);

    let patch = PatchSession {
        status: Some(SessionStatus::Paused),
        current_task_id: Nullable::Value("t".to_owned()),
        metadata: json!({ "editor": { "version": null, "name": "e" } }).as_object().cloned(),
        error_message: None,
    };
    let patched: Session = read(&server.patch(&path, value(&patch)).await.expect(StatusCode::OK));
    assert_eq!((patched.status, patched.current_task_id.as_deref()), (SessionStatus::Paused, Some("t")));
    assert_eq!(Value::Object(patched.metadata), json!({ "editor": { "name": "e" } }));
    let failed = PatchSession {
        status: Some(SessionStatus::Failed),
        error_message: Some("it broke".to_owned()),
        ..PatchSession::default()
    };
    let failed: Session = read(&server.patch(&path, value(&failed)).await.expect(StatusCode::OK));
    assert_eq!((failed.status, failed.current_task_id), (SessionStatus::Failed, None));
    assert_eq!(failed.metadata["error_message"], "it broke");
    assert!(failed.completed_at.is_some());

    let list: SessionList = read(&server.get("/api/sessions?status=failed&project_id=p&archived=false").await);
    assert_eq!((list.total, list.items.len(), list.limit), (1, 1, 50));
    let ended = server.act(&format!("{path}/heartbeat")).await;
    assert!(ended.error(StatusCode::CONFLICT, "session_ended").is_empty());
    let illegal = server.patch(&path, json!({ "status": "active" })).await;
    illegal.error(StatusCode::BAD_REQUEST, "invalid_transition");
    assert!(illegal.text("message").contains("failed") && illegal.text("message").contains("active"));

    let archived = server.act(&format!("{path}/archive")).await.expect(StatusCode::OK);
    assert_eq!(archived.field("metadata")["archived"], true);
    let list: SessionList = read(&server.get("/api/sessions/archived").await);
    assert_eq!(list.total, 1);
    assert_eq!(server.get("/api/sessions?archived=false").await.field("total"), 0);

    server.delete(&path).await.expect(StatusCode::NO_CONTENT);
    server.get(&path).await.error(StatusCode::NOT_FOUND, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn tasks() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let create = CreateTask {
        session_id: session.clone(),
        project_id: "p".to_owned(),
        github_issue_id: Some("I_1".to_owned()),
        task_name: "Write the migration".to_owned(),
        metadata: json!({ "archived": "is mine here" }).as_object().cloned(),
    };
    let reply = server.post("/api/tasks", value(&create)).await.expect(StatusCode::CREATED);
    let task: Task = read(&reply);
    let path = format!("/api/tasks/{}", task.task_id);
    assert_eq!((reply.header("location"), reply.header("etag")), (Some(path.as_str()), Some("\"1\"")));
    assert_eq!((task.status, task.github_issue_id.as_deref()), (TaskStatus::Pending, Some("I_1")));

    let strange = CreateTask { project_id: "other".to_owned(), ..create.clone() };
    let strange = server.post("/api/tasks", value(&strange)).await;
    assert_eq!(strange.error(StatusCode::BAD_REQUEST, "validation_failed"), ["project_id"]);
    let unknown_session = "6fa459ea-ee8a-4ca4-894e-db77e160355e".to_owned();
    let unknown = server.post("/api/tasks", value(&CreateTask { session_id: unknown_session, ..create })).await;
    assert_eq!(unknown.error(StatusCode::BAD_REQUEST, "validation_failed"), ["session_id"]);

    let start = PatchTask { status: Some(TaskStatus::InProgress), ..PatchTask::default() };
    let started: Task = read(&server.patch(&path, value(&start)).await.expect(StatusCode::OK));
    assert!(started.started_at.is_some());
    let shown = server.get(&format!("/api/sessions/{session}")).await;
    assert_eq!(shown.text("current_task_id"), task.task_id.to_string());
    let fail = PatchTask {
        status: Some(TaskStatus::Failed),
        error_message: Some("no".to_owned()),
        metadata: json!({ "tried": 1 }).as_object().cloned(),
    };
    let failed: Task = read(&server.patch(&path, value(&fail)).await.expect(StatusCode::OK));
    assert_eq!((failed.status, failed.error_message.as_deref()), (TaskStatus::Failed, Some("no")));
    assert_eq!(read::<Task>(&server.get(&path).await.expect(StatusCode::OK)), failed);

    let list: TaskList = read(&server.get(&format!("/api/tasks?session_id={session}&status=failed")).await);
    assert_eq!((list.total, list.limit), (1, 50));
    assert_eq!(server.get("/api/tasks?project_id=other").await.field("total"), 0);
    server.delete(&path).await.expect(StatusCode::NO_CONTENT);
    server.get(&path).await.error(StatusCode::NOT_FOUND, "not_found");

    let last = server.task(&session, "p", "last").await;
    let done = json!({ "status": "completed" });
    server.patch(&format!("/api/sessions/{session}"), done).await.expect(StatusCode::OK);
    server.set_task_refused(&last).await;
    server.stop().await;
}

impl TestServer {
    async fn set_task_refused(&self, task: &str) {
        let path = format!("/api/tasks/{task}");
        let reply = self.patch(&path, json!({ "status": "in_progress" })).await;
        reply.error(StatusCode::CONFLICT, "session_ended");
        self.delete(&path).await.error(StatusCode::CONFLICT, "session_ended");
    }
}

#[tokio::test]
async fn machines() {
    let server = TestServer::start().await;
    let create = CreateMachine {
        machine_id: Some("build 7%".to_owned()),
        hostname: "build-7.example.org".to_owned(),
        docker_slots: vec![1, 2, 3],
        metadata: json!({ "os": "linux" }).as_object().cloned(),
    };
    let reply = server.post("/api/machines", value(&create)).await.expect(StatusCode::CREATED);
    let machine: Machine = read(&reply);
    let path = reply.header("location").unwrap().to_owned();
    assert_eq!(path, "/api/machines/build%207%25");
    assert_eq!((machine.status, machine.docker_slots.clone()), (MachineStatus::Online, vec![1, 2, 3]));
    assert_eq!(read::<Machine>(&server.get(&path).await.expect(StatusCode::OK)), machine);
    server.post("/api/machines", value(&create)).await.error(StatusCode::CONFLICT, "machine_conflict");
    let nameless = CreateMachine { machine_id: None, ..create.clone() };
    let made: Machine = read(&server.post("/api/machines", value(&nameless)).await.expect(StatusCode::CREATED));
    assert!(made.machine_id.parse::<uuid::Uuid>().is_ok());

    let body = json!({ "project_id": "p", "machine_id": "build 7%", "docker_slot": 2 });
    let session = server.post("/api/sessions", body).await.expect(StatusCode::CREATED).text("session_id");
    let with: Machine = read(&server.get(&path).await);
    assert_eq!(with.active_sessions.iter().map(ToString::to_string).collect::<Vec<_>>(), [session.as_str()]);
    let nowhere = json!({ "project_id": "q", "machine_id": "build 7%", "docker_slot": 9 });
    let nowhere = server.post("/api/sessions", nowhere).await;
    assert_eq!(nowhere.error(StatusCode::BAD_REQUEST, "validation_failed"), ["docker_slot"]);
    server.delete(&path).await.error(StatusCode::CONFLICT, "machine_conflict");
    let fewer = PatchMachine { docker_slots: Some(vec![1]), ..PatchMachine::default() };
    server.patch(&path, value(&fewer)).await.error(StatusCode::CONFLICT, "slot_conflict");

    let offline = PatchMachine { status: Some(MachineStatus::Offline), ..PatchMachine::default() };
    let offline: Machine = read(&server.patch(&path, value(&offline)).await.expect(StatusCode::OK));
    assert_eq!(offline.status, MachineStatus::Offline);
    let list: MachineList = read(&server.get("/api/machines?status=online").await);
    assert_eq!((list.total, list.items[0].machine_id.as_str()), (1, made.machine_id.as_str()));
    let back: Machine = read(&server.act(&format!("{path}/heartbeat")).await.expect(StatusCode::OK));
    assert_eq!(back.status, MachineStatus::Online);
    let care = json!({ "status": "maintenance" });
    server.patch(&path, care).await.expect(StatusCode::OK);
    let refused = json!({ "project_id": "r", "machine_id": "build 7%" });
    server.post("/api/sessions", refused).await.error(StatusCode::CONFLICT, "machine_unavailable");

    let put = CreateMachine { machine_id: None, hostname: "h".to_owned(), docker_slots: vec![2], metadata: None };
    let replaced: Machine = read(&server.put(&path, value(&put)).await.expect(StatusCode::OK));
    assert_eq!((replaced.hostname.as_str(), replaced.metadata.len()), ("h", 0));
    let new = server.put("/api/machines/new", value(&put)).await.expect(StatusCode::CREATED);
    assert_eq!(new.header("location"), Some("/api/machines/new"));
    server.delete("/api/machines/new").await.expect(StatusCode::NO_CONTENT);
    server.stop().await;
}

#[tokio::test]
async fn recovery() {
    let server = TestServer::start().await;
    let original = server.session("p", "m").await;
    let path = format!("/api/sessions/{original}");
    let mut ids = Vec::new();
    for name in ["done", "broke", "waits", "runs", "stuck"] {
        ids.push(server.task(&original, "p", name).await);
    }
    for (task, status) in ids.iter().zip(["completed", "failed", "pending", "in_progress", "blocked"]) {
        server.set_task(task, status).await;
    }
    let state: RecoveryState = read(&server.get(&format!("{path}/recovery-state")).await.expect(StatusCode::OK));
    assert_eq!(state.last_successful_task.unwrap().task_name, "done");
    let lists = [&state.failed_tasks, &state.pending_tasks, &state.in_progress_tasks, &state.blocked_tasks];
    assert_eq!(lists.map(|tasks| tasks[0].task_name.as_str()), ["broke", "waits", "runs", "stuck"]);
    assert!(lists.iter().all(|tasks| tasks.len() == 1));

    let prepare = format!("{path}/prepare-recovery");
    server.act(&prepare).await.error(StatusCode::BAD_REQUEST, "invalid_transition");
    let failed = MarkFailed { error_message: "crashed".to_owned(), metadata: None };
    let failed: Session = read(&server.post(&format!("{path}/mark-failed"), value(&failed)).await);
    assert_eq!(failed.status, SessionStatus::Failed);
    let release = PrepareRecovery { release_slot: Some(true) };
    let prepared = server.post(&prepare, value(&release)).await.expect(StatusCode::OK);
    assert!(prepared.field("metadata")["recovery"]["prepared_at"].is_string());

    let target = Recover { new_machine_id: "n".to_owned(), docker_slot: Some(1), reset_failed_tasks: Some(false) };
    let recover = format!("{path}/recover");
    let reply = server.post(&recover, value(&target)).await.expect(StatusCode::CREATED);
    let successor: Session = read(&reply);
    assert_eq!(reply.header("location"), Some(format!("/api/sessions/{}", successor.session_id).as_str()));
    assert_eq!(reply.header("idempotent-replayed"), None);
    assert_eq!((successor.attempt, successor.recovered_from.map(|id| id.to_string())), (2, Some(original.clone())));
    let elsewhere = json!({ "new_machine_id": "elsewhere" });
    let again = server.post(&recover, elsewhere).await.expect(StatusCode::OK);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(read::<Session>(&again), successor);

    let beat = server.act(&format!("{path}/heartbeat")).await;
    beat.error(StatusCode::CONFLICT, "session_ended");
    assert_eq!(beat.detail("successor_session_id"), successor.session_id.to_string());
    let lineage: SessionList = read(&server.get(&format!("/api/sessions?lineage_id={original}")).await);
    assert_eq!(lineage.total, 2);
    let copied: TaskList = read(&server.get(&format!("/api/tasks?session_id={}", successor.session_id)).await);
    let names: Vec<_> = copied.items.iter().map(|task| task.task_name.as_str()).collect();
    assert_eq!(names, ["stuck", "waits"], "what had failed, also with its session, stays behind");
    server.stop().await;
}

#[tokio::test]
async fn detection_passes() {
    let clock = Arc::new(ManualClock::default());
    let server = Setup::new().set("DETECT_INTERVAL_MS", "600000").clock(&clock).start().await;
    let quiet = server.session("quiet", "m").await;
    let paused = server.session("paused", "m").await;
    server.patch(&format!("/api/sessions/{paused}"), json!({ "status": "paused" })).await.expect(StatusCode::OK);
    server.let_pass(&clock, Duration::from_secs(120)).await;
    let lively = server.session("lively", "m").await;
    clock.advance(Duration::from_secs(61));

    let report: StalledReport = read(&server.get("/api/sessions/stalled").await.expect(StatusCode::OK));
    assert_eq!((report.total, report.stall_threshold_ms), (1, 180_000));
    assert_eq!(report.stalled_sessions[0].session_id.to_string(), quiet);
    assert_eq!(report.stalled_sessions[0].time_since_heartbeat_ms, 181_000);
    for (session, healthy, stalled) in [(&quiet, false, true), (&paused, false, false), (&lively, true, false)] {
        let health: SessionHealth = read(&server.get(&format!("/api/sessions/{session}/health")).await);
        assert_eq!((health.is_healthy, health.is_stalled), (healthy, stalled), "{session}");
    }
    let pass: DetectReport = read(&server.act("/api/sessions/detect-failures").await.expect(StatusCode::OK));
    assert_eq!(pass.stalled_sessions, 1);
    assert_eq!(server.status(&quiet).await, "stalled");
    let counts: HealthSummary = read(&server.get("/api/sessions/health").await.expect(StatusCode::OK));
    assert_eq!((counts.total_sessions, counts.active_sessions, counts.paused_sessions), (3, 1, 1));
    assert_eq!((counts.stalled_sessions, counts.failed_sessions, counts.completed_sessions), (1, 0, 0));
    let revived = server.act(&format!("/api/sessions/{quiet}/heartbeat")).await.expect(StatusCode::OK);
    assert_eq!(revived.text("status"), "active");
    server.act(&format!("/api/sessions/{lively}/mark-stalled")).await.expect(StatusCode::OK);
    assert_eq!(server.status(&lively).await, "stalled");
    server.stop().await;
}

#[tokio::test]
async fn cleanup() {
    let server = TestServer::start().await;
    for (machine, archive) in [("a", false), ("b", true)] {
        let session = server.session("p", machine).await;
        server.task(&session, "p", "t").await;
        let path = format!("/api/sessions/{session}");
        server.patch(&path, json!({ "status": "completed" })).await.expect(StatusCode::OK);
        if archive {
            server.act(&format!("{path}/archive")).await.expect(StatusCode::OK);
        }
    }
    let young: CleanupReport = read(&server.act("/api/sessions/cleanup").await.expect(StatusCode::OK));
    assert_eq!((young.deleted_sessions, young.older_than_days, young.dry_run), (0, 30, false));
    let report: CleanupReport = read(&server.act("/api/sessions/cleanup?older_than_days=0&dry_run=true").await);
    assert_eq!((report.deleted_sessions, report.deleted_tasks, report.dry_run), (1, 1, true));
    assert_eq!(server.get("/api/sessions").await.field("total"), 2);
    let done: CleanupReport = read(&server.delete("/api/sessions/cleanup?older_than_days=0").await);
    assert_eq!((done.deleted_sessions, done.deleted_tasks, done.older_than_days), (1, 1, 0));
    let left: SessionList = read(&server.get("/api/sessions").await);
    assert_eq!((left.total, left.items[0].metadata["archived"].clone()), (1, json!(true)), "archived ones stay");
    server.stop().await;
}
