//! What a run registers: session, task, and the mark by which it recognizes both.

use std::ffi::OsString;
use std::time::Duration;

use rekindle_api::Object;
use rekindle_core::{Ids, RandomIds};
use serde_json::{Value, json};
use uuid::Uuid;

/// The metadata key of the mark that a run leaves on its session and its task.
const MARK: &str = "rekindle_run";
/// The longest command line that is kept as a name, in characters.
const NAME: usize = 1000;

/// Where the session of a run comes from.
#[derive(Debug, Clone)]
pub(crate) enum SessionSource {
    /// A new session.
    New { project: String, machine: String, slot: Option<u16> },
    /// An existing session, such as the successor that a recovery made.
    Adopted {
        id: Uuid,
        /// The project that it must belong to, if given.
        project: Option<String>,
    },
}

/// What a run registers.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub whose: SessionSource,
    pub name: String,
    /// The client's metadata of the session.
    pub metadata: Object,
    /// The longest time between two heartbeats.
    pub heartbeat: Duration,
    /// The id of this run, used as its mark.
    id: Uuid,
    command: String,
}

impl Plan {
    /// Returns the plan of running `command`. Without `name`, the command names the task.
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

    /// Returns the mark as metadata, for a task or as a merge patch.
    pub(crate) fn mark(&self) -> Object {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok());
        let mark = json!({
            "id": self.id.to_string(), "host": host, "pid": std::process::id(), "command": self.command,
        });
        Object::from_iter([(MARK.to_owned(), mark)])
    }

    /// Returns the session's metadata with the mark.
    pub(crate) fn marked_metadata(&self) -> Object {
        let mut metadata = self.metadata.clone();
        metadata.append(&mut self.mark());
        metadata
    }

    /// Whether this metadata carries the mark, that is whether a request whose response was lost was carried out.
    pub(crate) fn made(&self, metadata: &Object) -> bool {
        let id = metadata.get(MARK).and_then(|mark| mark.get("id")).and_then(Value::as_str);
        id == Some(self.id.to_string().as_str())
    }
}

/// Returns the command approximately as a person would type it.
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
