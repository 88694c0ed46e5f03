//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from. A later one wins over those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The default.
    Default,
    /// A command chose it for lack of anything better.
    Command(&'static str),
    /// A file of the settings' folder, and the name in it.
    File {
        /// The file.
        path: PathBuf,
        /// The setting's name as the file has it.
        key: String,
    },
    /// A `.env`.
    DotEnv(PathBuf),
    /// A variable of the environment.
    Environment,
    /// This flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Command(command) => write!(f, "chosen by {command}"),
            Self::File { path, key } => write!(f, "{}, {key}", path.display()),
            Self::DotEnv(path) => path.display().fmt(f),
            Self::Environment => f.write_str("environment"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}
