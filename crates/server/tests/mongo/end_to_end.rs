//! A recovery from start to end through HTTP: work, silence, detection within a second, twenty recoveries at once, one
//! successor.

use std::time::Duration;

use rekindle_core::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::database::Database;
use crate::server::{Answer, Api, Server, note, until};

const THRESHOLD: Duration = Duration::from_millis(1500);

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("no text {field} in {of}")).to_owned()
}

fn time(of: &Value, field: &str) -> Timestamp {
    text(of, field).parse().unwrap()
}

async fn post(api: &Api, path: &str, body: Value) -> Answer {
    api.post(path, &body).await.unwrap()
}

async fn get(api: &Api, path: &str) -> Value {
    api.get(path).await.unwrap().expect(StatusCode::OK)
}

pub(crate) async fn a_recovery_from_start_to_end(uri: String) {
    let database = Database::at(&uri);
    let threshold = THRESHOLD.as_millis().to_string();
    let server = Server::start(&uri, &database.name, &[("STALL_THRESHOLD_MS", &threshold)]).await;
    let api = &server.api;
    server.ready().await;
    let machine = json!({ "machine_id": "m", "hostname": "h", "docker_slots": [1, 2] });
    post(api, "/api/machines", machine).await.expect(StatusCode::CREATED);
    let body = json!({ "project_id": "p", "machine_id": "m", "docker_slot": 1, "metadata": { "branch": "b" } });
    let session = post(api, "/api/sessions", body).await.expect(StatusCode::CREATED);
    let id = text(&session, "session_id");
    let mut tasks = Vec::new();
    for name in ["done", "begun", "waiting"] {
        let body = json!({ "session_id": id, "project_id": "p", "task_name": name });
        tasks.push(text(&post(api, "/api/tasks", body).await.expect(StatusCode::CREATED), "task_id"));
    }
    for (task, status) in [(&tasks[0], "in_progress"), (&tasks[0], "completed"), (&tasks[1], "in_progress")] {
        let body = json!({ "status": status });
        let answer = api.ask(Method::PATCH, &format!("/api/tasks/{task}"), Some(&body)).await.unwrap();
        answer.expect(StatusCode::OK);
    }
    // Heartbeats continue for longer than the threshold, so it is not missed.
    let mut heard = session;
    for _ in 0..8 {
        tokio::time::sleep(THRESHOLD / 4).await;
        heard = post(api, &format!("/api/sessions/{id}/heartbeat"), json!({})).await.expect(StatusCode::OK);
        assert_eq!(heard["status"], "active", "{heard}");
    }
    let (api, id) = (&server.api, id.as_str());
    let stalled = until("the silent session is stalled", || async move {
        let session = get(api, &format!("/api/sessions/{id}")).await;
        (session["status"] == "stalled").then_some(session)
    })
    .await;
    assert_eq!(time(&stalled, "last_heartbeat"), time(&heard, "last_heartbeat"));
    let late = time(&stalled, "updated_at").since(time(&heard, "last_heartbeat").plus(THRESHOLD));
    note(format!("found {} ms after its deadline", late.as_millis()));
    assert!(late < Duration::from_secs(1), "{late:?}");
    // Its machine was silent, too, and is online again.
    post(api, "/api/machines/m/heartbeat", json!({})).await.expect(StatusCode::OK);
    let state = get(api, &format!("/api/sessions/{id}/recovery-state")).await;
    assert_eq!(text(&state["last_successful_task"], "task_id"), tasks[0]);
    assert_eq!(text(&state["in_progress_tasks"][0], "task_id"), tasks[1]);
    assert_eq!(text(&state["pending_tasks"][0], "task_id"), tasks[2]);

    let mut recovers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (api, path) = (api.clone(), format!("/api/sessions/{id}/recover"));
        recovers.spawn(async move { post(&api, &path, json!({ "new_machine_id": "m", "docker_slot": 2 })).await });
    }
    let answers = recovers.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    let again = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((made, again), (1, 19), "{answers:?}");
    let successor = text(&answers[0].body, "session_id");
    assert!(answers.iter().all(|answer| text(&answer.body, "session_id") == successor), "{answers:?}");

    let old = get(api, &format!("/api/sessions/{id}")).await;
    assert_eq!((&old["status"], text(&old, "recovered_into")), (&json!("completed"), successor.clone()));
    let new = get(api, &format!("/api/sessions/{successor}")).await;
    assert_eq!((&new["status"], text(&new, "recovered_from").as_str()), (&json!("active"), id));
    assert_eq!((&new["attempt"], &new["docker_slot"]), (&json!(2), &json!(2)));
    assert_eq!(new["metadata"]["branch"], "b");
    let copies = get(api, &format!("/api/tasks?session_id={successor}")).await;
    let mut names: Vec<_> = copies["tasks"].as_array().unwrap().iter().map(|task| text(task, "task_name")).collect();
    names.sort();
    assert_eq!(names, ["begun", "waiting"]);
    let late = post(api, &format!("/api/sessions/{id}/heartbeat"), json!({})).await;
    assert_eq!(late.expect(StatusCode::CONFLICT)["code"], "session_ended");
    drop(server);
    let broken = database.broken().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

pub(crate) async fn fifty_creates_at_once_make_one_session(uri: String) {
    let database = Database::at(&uri);
    // On two servers that share only the database.
    let servers = [Server::start(&uri, &database.name, &[]).await, Server::start(&uri, &database.name, &[]).await];
    for server in &servers {
        server.ready().await;
    }
    for round in 0..5 {
        let mut creates = tokio::task::JoinSet::new();
        for number in 0..50 {
            let api = servers[number % 2].api.clone();
            let body = json!({ "project_id": format!("p{round}"), "machine_id": "m" });
            creates.spawn(async move { post(&api, "/api/sessions", body).await });
        }
        let answers = creates.join_all().await;
        let (made, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(made.len(), 1, "{made:?}");
        let id = text(&made[0].body, "session_id");
        for answer in refused {
            let body = answer.expect(StatusCode::CONFLICT);
            assert_eq!(body["code"], "session_conflict");
            assert_eq!(text(&body["details"][0], "message"), id);
        }
    }
    drop(servers);
    let broken = database.broken().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
