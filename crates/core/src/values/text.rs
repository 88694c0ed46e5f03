//! Texts from clients: names of up to 200 characters without control characters, and prose of up to 4,000 characters.

use std::fmt;
use std::str::FromStr;

use super::InvalidValue;

const NAME_MAX: usize = 200;
const PROSE_MAX: usize = 4000;

fn of_length(text: &str, max: usize) -> Result<(), InvalidValue> {
    if text.trim().is_empty() {
        return Err(InvalidValue::new("must not be empty or blank"));
    }
    match text.chars().count() {
        n if n > max => Err(InvalidValue::new(format!("must be at most {max} characters, and has {n}"))),
        _ => Ok(()),
    }
}

fn name(text: &str) -> Result<(), InvalidValue> {
    of_length(text, NAME_MAX)?;
    if text.chars().any(char::is_control) {
        return Err(InvalidValue::new("must not contain control characters"));
    }
    Ok(())
}

/// A machine's id is a segment of URL paths, which a slash would split.
fn path_name(text: &str) -> Result<(), InvalidValue> {
    name(text)?;
    if text.contains('/') {
        return Err(InvalidValue::new("must not contain a slash"));
    }
    Ok(())
}

fn prose(text: &str) -> Result<(), InvalidValue> {
    of_length(text, PROSE_MAX)
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text as the client sent it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                $check(&text)?;
                Ok(Self(text.into_boxed_str()))
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// The name of a project, chosen by the client.
    ProjectId, name
);
text!(
    /// The id of a machine; contains no slash.
    MachineId, path_name
);
text!(
    /// The host name of a machine.
    Hostname, name
);
text!(
    /// The current task of a session, as the client reports it. Often a task's id, but not checked against the tasks.
    TaskLabel, name
);
text!(
    /// The issue that a task belongs to, in the client's issue tracker.
    IssueId, name
);
text!(
    /// The name that an administrator gave an API key.
    KeyName, name
);
text!(
    /// The description of a task.
    TaskName, prose
);
text!(
    /// Why a session or a task failed.
    ErrorMessage, prose
);

impl TaskLabel {
    /// Returns the label that a session has while this task is in progress.
    pub fn of_task(id: super::TaskId) -> Self {
        Self(id.to_string().into_boxed_str())
    }
}

impl MachineId {
    /// Returns the id of a machine that was registered without one.
    pub fn made(id: uuid::Uuid) -> Self {
        Self(id.as_hyphenated().to_string().into_boxed_str())
    }
}

impl ErrorMessage {
    /// Returns a message of the domain's own, which is known to be valid.
    pub(crate) fn internal(text: &str) -> Self {
        debug_assert!(prose(text).is_ok(), "the domain's own messages are valid");
        Self(text.into())
    }
}
