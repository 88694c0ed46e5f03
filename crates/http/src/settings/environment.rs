//! The environment as a value, and a reader that collects what is wrong in it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use rekindle_core::Fault;

use super::{ConfigurationError, SettingFault};

/// Names and their values, as the process was given them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// That of this process. A value that is no text cannot be right for any setting; what is left of it shows that.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// A value, unless it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The same environment with this value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The same environment with this value where there is none yet.
    #[must_use]
    pub fn with_default(self, name: &str, value: impl Into<String>) -> Self {
        if self.get(name).is_some() { self } else { self.with(name, value) }
    }
}

/// Names only: values may be secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Reads settings; none stands for one that was refused.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    faults: Vec<SettingFault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, faults: Vec::new() }
    }

    pub(super) fn given(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name)
    }

    pub(super) fn fault<T>(&mut self, name: &'static str, message: impl Into<String>) -> Option<T> {
        self.faults.push(SettingFault { name, message: message.into() });
        None
    }

    /// A setting that must be there; its value is not shown.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, Fault>,
        right: &str,
    ) -> Option<T> {
        match self.given(name) {
            None => self.fault(name, format!("is missing: set it {right}")),
            Some(text) => match read(text) {
                Ok(value) => Some(value),
                Err(fault) => self.fault(name, fault.0),
            },
        }
    }

    /// A setting with a default.
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        default: &str,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.given(name).unwrap_or(default);
        match read(text) {
            Ok(value) => Some(value),
            Err(fault) => self.fault(name, format!("{}, and is {text:?}", fault.0)),
        }
    }

    /// An integer within a range.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        self.or(name, &default.to_string(), |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let number = number.and_then(|number| T::try_from(number).ok());
            number.ok_or_else(|| Fault::new(format!("must be an integer from {} to {}", range.start(), range.end())))
        })
    }

    /// A span in milliseconds.
    pub(super) fn milliseconds(
        &mut self,
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Option<Duration> {
        self.number(name, default, range).map(Duration::from_millis)
    }

    /// Everything that was read, if nothing was wrong.
    pub(super) fn done<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigurationError> {
        match build() {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) | None => Err(ConfigurationError { faults: self.faults }),
        }
    }
}
