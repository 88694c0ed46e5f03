//! Texts from outside: names of up to 200 characters without control characters, and prose of up to 4,000.

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

/// A machine's id stands in paths, where a slash would split it.
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
            /// The text as it came.
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
    /// The project that a session works through: the caller's own name for it.
    ProjectId, name
);
text!(
    /// Names a machine; without a slash.
    MachineId, path_name
);
text!(
    /// A machine's host name.
    Hostname, name
);
text!(
    /// What a session says that it is working on. Often a task's id, but not checked against the tasks.
    TaskLabel, name
);
text!(
    /// The issue that a task belongs to, in the caller's tracker.
    IssueId, name
);
text!(
    /// What an API key is called by those who hand it out.
    KeyName, name
);
text!(
    /// A task, described for people.
    TaskName, prose
);
text!(
    /// Why a session or a task failed.
    ErrorMessage, prose
);

impl TaskLabel {
    /// The label that a session carries while this task is in progress.
    pub fn of_task(id: super::TaskId) -> Self {
        Self(id.to_string().into_boxed_str())
    }
}

impl MachineId {
    /// A fresh id for a machine that brought none.
    pub fn made(id: uuid::Uuid) -> Self {
        Self(id.as_hyphenated().to_string().into_boxed_str())
    }
}

impl ErrorMessage {
    /// A message of ours about a session; ours are short and never blank.
    pub(crate) fn ours(text: &str) -> Self {
        debug_assert!(prose(text).is_ok(), "our own messages keep the rules");
        Self(text.into())
    }
}
