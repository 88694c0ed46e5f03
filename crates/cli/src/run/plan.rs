//! What a run is to be: whose session, which task, and the mark by which it knows its own work again.

use std::ffi::OsString;
use std::time::Duration;

use rekindle_api::Object;
use rekindle_core::{Ids, RandomIds};
use serde_json::{Value, json};
use uuid::Uuid;

/// The key of a session's and a task's metadata under which a run leaves its mark.
const MARK: &str = "rekindle_run";
/// The longest command line that is kept as a name, in characters.
const NAME: usize = 1000;

/// Whose session it is.
#[derive(Debug, Clone)]
pub(crate) enum SessionSource {
    /// A new one.
    New {
        /// Its project.
        project: String,
        /// Its machine.
        machine: String,
        /// Its slot.
        slot: Option<u16>,
    },
    /// One that is there, such as the successor that a recovery made.
    Adopted {
        /// Which.
        id: Uuid,
        /// The project that it must be of, if that was said.
        project: Option<String>,
    },
}

/// What a run is to be.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Whose session.
    pub whose: SessionSource,
    /// The task's name.
    pub name: String,
    /// The client's data for the session.
    pub metadata: Object,
    /// The longest time between two heartbeats.
    pub heartbeat: Duration,
    /// This run, and no other.
    id: Uuid,
    command: String,
}

impl Plan {
    /// The plan of running `command`, which also names the task where nothing else does.
    pub(crate) fn new(
        whose: SessionSource,
        name: Option<String>,
        metadata: Object,
        heartbeat: Duration,
        command: &[OsString],
    ) -> Self {
        let command = command_line(command);
        Self {
            whose,
            name: name.unwrap_or_else(|| command.clone()),
            metadata,
            heartbeat,
            id: RandomIds.new_id(),
            command,
        }
    }

    /// The mark as metadata, for a task or as a merge patch.
    pub(crate) fn mark(&self) -> Object {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok());
        let mark = json!({
            "id": self.id.to_string(), "host": host, "pid": std::process::id(), "command": self.command,
        });
        Object::from_iter([(MARK.to_owned(), mark)])
    }

    /// The session's metadata with the mark.
    pub(crate) fn marked_metadata(&self) -> Object {
        let mut metadata = self.metadata.clone();
        metadata.append(&mut self.mark());
        metadata
    }

    /// Whether this metadata carries the mark: a request whose answer was lost had been carried out.
    pub(crate) fn made(&self, metadata: &Object) -> bool {
        let id = metadata.get(MARK).and_then(|mark| mark.get("id")).and_then(Value::as_str);
        id == Some(self.id.to_string().as_str())
    }
}

/// The command as a person would type it, near enough.
fn command_line(command: &[OsString]) -> String {
    let words = command.iter().map(|word| {
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && !word.contains(|one: char| one.is_whitespace() || "'\"\\$`".contains(one));
        if plain { word.into_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
