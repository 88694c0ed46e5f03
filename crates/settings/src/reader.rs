//! Reads settings, and collects what is wrong with them.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rekindle_core::InvalidValue;

use crate::error::{ConfigurationError, SettingFault};
use crate::layers::Layers;
use crate::table::{Kind, Secrecy, Setting};

/// Reads settings; `None` is a refused value.
pub struct Reader<'a> {
    layers: &'a Layers,
    faults: Vec<SettingFault>,
}

impl<'a> Reader<'a> {
    /// Reads what these layers say.
    pub fn new(layers: &'a Layers) -> Self {
        Self { layers, faults: layers.faults().to_vec() }
    }

    /// Whether any layer sets it.
    fn is_given(&self, setting: &Setting) -> bool {
        self.layers.given(setting).is_some()
    }

    /// The value that counts.
    pub fn text(&self, setting: &Setting) -> Option<&'a str> {
        self.layers.text(setting)
    }

    /// The layer that set it; none is below all of them.
    pub fn layer(&self, setting: &Setting) -> Option<u8> {
        self.layers.given(setting).map(|given| given.layer)
    }

    /// A path that need not be there.
    pub fn path(&mut self, setting: &Setting) -> Option<Option<PathBuf>> {
        self.optional(setting, |text| Ok(PathBuf::from(text)))
    }

    /// Notes that a setting is missing, and what it should be set to.
    pub fn missing<T>(&mut self, setting: &Setting, right: &str) -> Option<T> {
        self.faults.push(SettingFault::new(setting.name, format!("is missing: set it {right}")));
        None
    }

    /// Notes a fault of a setting that is set, with its source.
    pub fn fault<T>(&mut self, setting: &Setting, message: &str) -> Option<T> {
        let message = format!("{message} ({})", self.layers.source(setting));
        self.faults.push(SettingFault::new(setting.name, message));
        None
    }

    /// A setting that need not be there.
    pub fn optional<T>(
        &mut self,
        setting: &Setting,
        read: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<Option<T>> {
        let Some(text) = self.text(setting) else {
            // One that was refused while it was gathered has its fault already.
            return (!self.is_given(setting)).then_some(None);
        };
        match read(text) {
            Ok(value) => Some(Some(value)),
            Err(fault) if setting.secrecy == Secrecy::Open => {
                self.fault(setting, &format!("{}, and is {text:?}", fault.0))
            }
            Err(fault) => self.fault(setting, &fault.0),
        }
    }

    /// A setting that must be there, or has a default.
    pub fn required<T>(
        &mut self,
        setting: &Setting,
        right: &str,
        read: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        match self.optional(setting, read)? {
            Some(value) => Some(value),
            None => self.missing(setting, right),
        }
    }

    /// A setting with a default.
    pub fn with_default<T>(
        &mut self,
        setting: &Setting,
        read: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.required(setting, "to a value", read)
    }

    /// One with a default that is read as its type reads it.
    pub fn parsed<T: FromStr<Err = InvalidValue>>(&mut self, setting: &Setting) -> Option<T> {
        self.with_default(setting, T::from_str)
    }

    /// An integer with a default, within its bounds.
    pub fn number<T: TryFrom<u64>>(&mut self, setting: &Setting) -> Option<T> {
        self.with_default(setting, |text| integer(setting, text))
    }

    /// An integer that need not be there.
    pub fn optional_number<T: TryFrom<u64>>(&mut self, setting: &Setting) -> Option<Option<T>> {
        self.optional(setting, |text| integer(setting, text))
    }

    /// A span in milliseconds.
    pub fn milliseconds(&mut self, setting: &Setting) -> Option<Duration> {
        self.number(setting).map(Duration::from_millis)
    }

    /// A number with a default, within its bounds.
    pub fn decimal(&mut self, setting: &Setting) -> Option<f64> {
        self.with_default(setting, |text| {
            let Kind::Decimal(least, most) = setting.kind else { return Err(InvalidValue::new("is no number")) };
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| InvalidValue::new(format!("must be a number from {least} to {most}")))
        })
    }

    /// Returns what `build` makes of the values, if none was refused.
    ///
    /// # Errors
    /// With everything that is missing or wrong.
    pub fn done<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigurationError> {
        match build() {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) | None => Err(ConfigurationError { faults: self.faults }),
        }
    }
}

fn integer<T: TryFrom<u64>>(setting: &Setting, text: &str) -> Result<T, InvalidValue> {
    let Kind::Integer(least, most) = setting.kind else { return Err(InvalidValue::new("is no integer")) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| InvalidValue::new(format!("must be an integer from {least} to {most}")))
}
