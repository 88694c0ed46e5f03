//! The settings as they may be shown: each with its value and where that comes from, and no secret; and a checksum, by
//! which the settings of two servers can be compared.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::layers::Layers;
use crate::table::{Kind, Secrecy, Setting};

/// Stands for what is not shown.
const MASK: &str = "***";
/// So many bytes of the checksum tell settings apart.
const CHECKSUM_BYTES: usize = 6;

/// A setting for a person or a program to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its value as an environment variable would have it, without secrets; none where there is none.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: String,
}

impl Layers {
    /// Every setting, in the table's order.
    pub fn shown(&self) -> Vec<Shown> {
        let one = |setting: &&'static Setting| {
            let value = self.text(setting).map(|text| masked(setting, text));
            let source = match (value.is_some() || self.given(setting).is_some(), self.source(setting)) {
                (false, _) => "not set".to_owned(),
                (true, source) => source.to_string(),
            };
            Shown { name: setting.name, value, source }
        };
        self.table().settings.iter().map(one).collect()
    }

    /// Twelve hexadecimal digits over all values, secrets included. Where the values lie does not matter.
    pub fn checksum(&self) -> String {
        let mut settings: Vec<_> = self.table().settings.iter().filter(|setting| !setting.chooses_files).collect();
        settings.sort_by_key(|setting| setting.name);
        let mut hash = Sha256::new();
        for setting in settings {
            let value = self.text(setting).unwrap_or_default();
            // Blanks after commas are not read, and so make no difference.
            let items: Vec<_> = match setting.kind {
                Kind::List => value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
                Kind::Integer(..) | Kind::Decimal(..) | Kind::Choice(_) | Kind::Text => vec![value],
            };
            hash.update(format!("{}={}\n", setting.name, items.join(",")));
        }
        hash.finalize().iter().take(CHECKSUM_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A value without what must not be shown.
fn masked(setting: &Setting, text: &str) -> String {
    match setting.secrecy {
        Secrecy::Open => text.to_owned(),
        Secrecy::Secret => MASK.to_owned(),
        Secrecy::Address => setting.without_password.and_then(|read| read(text)).unwrap_or_else(|| of_unknown(text)),
    }
}

/// What we cannot read may have a password before any `@`, and in its options.
fn of_unknown(text: &str) -> String {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+');
    let shown = text.rsplit_once('@').map(|(_, rest)| rest).or_else(|| text.split_once("://").map(|(_, rest)| rest));
    let shown = shown.unwrap_or(text).split(['?', '#']).next().unwrap_or_default();
    match (is_scheme, text.contains('@')) {
        (true, true) => format!("{scheme}://{MASK}@{shown}"),
        (true, false) => format!("{scheme}://{shown}"),
        (false, true) => format!("{MASK}@{shown}"),
        (false, false) => shown.to_owned(),
    }
}
