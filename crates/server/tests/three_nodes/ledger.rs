//! The answers that clients received, compared with the present state.

use std::collections::HashMap;

use reqwest::StatusCode;
use serde_json::Value;

use crate::server::Api;

/// What was acknowledged of one session.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// The latest `last_heartbeat` that was answered; RFC 3339 of one width, so that the order of texts is that of times.
    heard: String,
    /// Whether its end was acknowledged; nothing else ends a session here.
    completed: bool,
    successor: Option<String>,
}

/// Every answer that one client received.
#[derive(Debug, Default)]
pub(crate) struct Book {
    sessions: HashMap<String, Seen>,
    /// Answers that cannot be right, whatever happened to the database.
    pub wrong: Vec<String>,
    pub created: usize,
    pub beats: usize,
    pub recovered: usize,
}

impl Book {
    /// Records the session of an answer.
    pub(crate) fn session(&mut self, session: &Value) {
        let heard = text(session, "last_heartbeat");
        let seen = self.sessions.entry(text(session, "session_id")).or_default();
        if heard > seen.heard {
            seen.heard = heard;
        }
        seen.completed |= session["status"] == "completed";
    }

    /// Records the session of an answer as the successor of another.
    pub(crate) fn successor(&mut self, id: &str, successor: &Value) {
        self.session(successor);
        let told = text(successor, "session_id");
        let seen = self.sessions.entry(id.to_owned()).or_default();
        seen.completed = true;
        if let Some(before) = seen.successor.replace(told.clone())
            && before != told
        {
            self.wrong.push(format!("session {id} has the successors {before} and {told}"));
        }
    }

    pub(crate) fn wrong(&mut self, what: &str, answer: impl std::fmt::Debug) {
        self.wrong.push(format!("{what}: {answer:?}"));
    }

    /// Returns the acknowledged writes that are missing.
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

/// A text of an answer.
pub(crate) fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("no text {field} in {of}")).to_owned()
}

/// Every session, by its id.
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
