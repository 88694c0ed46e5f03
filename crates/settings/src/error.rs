//! What is missing or wrong in the settings.

use std::fmt;

/// Every setting that is missing or wrong, each with what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The settings, in the order in which they are read.
    pub faults: Vec<SettingFault>,
}

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// Its name, or that of a file which cannot be read.
    pub name: String,
    /// What would be right, and where the wrong value comes from.
    pub message: String,
}

impl SettingFault {
    /// Returns a fault of this setting. The message must show no secret.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigurationError: these settings are missing or wrong:")?;
        for SettingFault { name, message } in &self.faults {
            write!(f, "\n  {name} {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}
