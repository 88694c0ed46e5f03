//! What the servers acknowledged to clients, compared with what is stored.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::Value;

use crate::server::Api;

/// What was acknowledged of one session.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// The latest acknowledged `last_heartbeat`, as RFC 3339 text of fixed width, which sorts by time.
    heard: String,
    /// Whether its end was acknowledged. Only its client ends it.
    completed: bool,
    successor: Option<String>,
}

/// Everything that was acknowledged to one client.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sessions: HashMap<String, Seen>,
    /// Responses that are wrong under any circumstances.
    pub wrong: Vec<String>,
    pub created: usize,
    pub beats: usize,
    pub recovered: usize,
}

impl Book {
    /// Records a session from a response.
    pub(crate) fn session(&mut self, session: &Value) {
        let heard = text(session, "last_heartbeat");
        let seen = self.sessions.entry(text(session, "session_id")).or_default();
        if heard > seen.heard {
            seen.heard = heard;
        }
        seen.completed |= session["status"] == "completed";
    }

    /// Records a session as the successor of another.
    pub(crate) fn successor(&mut self, id: &str, successor: &Value) {
        self.session(successor);
        let received = text(successor, "session_id");
        let seen = self.sessions.entry(id.to_owned()).or_default();
        seen.completed = true;
        if let Some(before) = seen.successor.replace(received.clone())
            && before != received
        {
            self.wrong.push(format!("session {id} has the successors {before} and {received}"));
        }
    }

    pub(crate) fn wrong(&mut self, what: &str, answer: impl std::fmt::Debug) {
        self.wrong.push(format!("{what}: {answer:?}"));
    }

    /// Returns what was acknowledged and is not stored.
    pub(crate) fn missing(&self, found: &HashMap<String, Value>) -> Vec<String> {
        let mut missing = Vec::new();
        for (id, seen) in &self.sessions {
            let Some(session) = found.get(id) else {
                missing.push(format!("session {id} is gone, and {seen:?} was told"));
                continue;
            };
            let heard = text(session, "last_heartbeat") >= seen.heard;
            let completed = !seen.completed || session["status"] == "completed";
            let successor = seen.successor.is_none() || session["recovered_into"].as_str() == seen.successor.as_deref();
            if !(heard && completed && successor) {
                missing.push(format!("session {id}: {seen:?} was told, {session} was found"));
            }
        }
        missing
    }
}

/// Returns a text field of a response.
pub(crate) fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("no text {field} in {of}")).to_owned()
}

/// Returns every session by its id.
pub(crate) async fn everything(api: &Api) -> HashMap<String, Value> {
    let mut found = HashMap::new();
    let mut path = "/api/sessions?limit=100".to_owned();
    loop {
        let page = api.get(&path).await.unwrap().expect(StatusCode::OK);
        for session in page["sessions"].as_array().unwrap() {
            found.insert(text(session, "session_id"), session.clone());
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/sessions?limit=100&cursor={cursor}"),
            None => return found,
        }
    }
}
