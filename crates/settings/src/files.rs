//! The settings' files: TOML with a table `[rekindle]`, and `.env`. A file without that table belongs to some other
//! program, and is left alone.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use toml::Value;

use crate::error::SettingFault;
use crate::source::Source;
use crate::table::{Kind, Secrecy, Setting, Table};
use crate::typos;

const OURS: &str = "rekindle";

/// What a file says.
#[derive(Default)]
pub(crate) struct FileValues {
    /// Whether it is one of ours.
    pub is_ours: bool,
    /// Settings and their values as text; none for a value of the wrong kind.
    pub values: Vec<(&'static Setting, Option<String>)>,
    /// What is wrong with it.
    pub faults: Vec<SettingFault>,
}

impl FileValues {
    fn only(fault: SettingFault) -> Self {
        Self { is_ours: true, values: Vec::new(), faults: vec![fault] }
    }
}

/// Reads one of the files of the folder. A missing file has no settings. `is_named`: the folder was named for us, so
/// that everything in it is ours; `is_base`: the file may set the environment.
pub(crate) fn toml(table: &Table, path: &Path, is_named: bool, is_base: bool) -> FileValues {
    let shown = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_nothing(&error) => return FileValues::default(),
        Err(error) => return FileValues::only(SettingFault::new(shown, format!("cannot be read: {error}"))),
    };
    let mut file = match text.parse::<toml::Table>() {
        Ok(file) => file,
        // What we cannot read is ours to complain of only if it was meant for us.
        Err(_) if !is_named && !text.lines().any(|line| line.trim_start().starts_with("[rekindle")) => {
            return FileValues::default();
        }
        Err(error) => {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            // Not the parser's own picture of the line, which may hold a secret.
            return FileValues::only(SettingFault::new(shown, format!("is no TOML: line {line}: {}", error.message())));
        }
    };
    let Some(ours) = file.remove(OURS) else { return FileValues::default() };
    let Value::Table(ours) = ours else {
        return FileValues::only(SettingFault::new(shown, "must have its settings in a table [rekindle]"));
    };
    let mut said = FileValues { is_ours: true, ..FileValues::default() };
    for (key, value) in ours {
        let Some(setting) = table.settings.iter().copied().find(|setting| setting.key() == key) else {
            let meant = typos::suggestion(table, &key).map_or_else(
                || "`rekindle config schema` lists them all".to_owned(),
                |meant| format!("did you mean {}?", meant.key()),
            );
            said.faults.push(SettingFault::new(key, format!("is no setting; {meant} ({shown})")));
            continue;
        };
        let misplaced = match setting.name {
            name if name == table.overlay.name && !is_base => {
                Some("chooses this file, and so can be set only in base.toml or later")
            }
            _ if setting.chooses_files => {
                Some("chooses the files, and so can be set only in the environment or by --config")
            }
            _ => None,
        };
        let source = Source::File { path: path.to_owned(), key };
        let fault = |message: String| SettingFault::new(setting.name, format!("{message} ({source})"));
        if let Some(misplaced) = misplaced {
            said.faults.push(fault(misplaced.to_owned()));
            continue;
        }
        let text = as_text(setting.kind, &value);
        if text.is_none() {
            let found =
                if setting.secrecy == Secrecy::Open { format!(", and is {}", found(&value)) } else { String::new() };
            said.faults.push(fault(format!("must be {}{found}", wanted(setting.kind))));
        }
        said.values.push((setting, text));
    }
    said
}

/// Whether there simply is no such file.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A value as an environment variable would have it.
fn as_text(kind: Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text | Kind::Choice(_) | Kind::List, Value::String(text)) => Some(text.clone()),
        (Kind::Integer(..) | Kind::Decimal(..), Value::Integer(number)) => Some(number.to_string()),
        (Kind::Decimal(..), Value::Float(number)) => Some(number.to_string()),
        (Kind::List, Value::Array(items)) => {
            let items: Option<Vec<_>> = items.iter().map(Value::as_str).collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

/// A value of the wrong kind, for a person.
fn found(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Table(_) => format!("of the kind {}", value.type_str()),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.to_string()
        }
    }
}

/// What a value in a file must be.
fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Integer(least, most) => format!("an integer from {least} to {most}"),
        Kind::Decimal(least, most) => format!("a number from {least} to {most}"),
        Kind::Choice(words) => format!("one of the strings {}", words.join(", ")),
        Kind::Text => "a string".to_owned(),
        Kind::List => "a list of strings, or one string with commas".to_owned(),
    }
}

/// Reads a `.env`. One that is not there, or is a folder, says nothing; names of other programs are left alone.
pub(crate) fn dot_env(table: &Table, path: &Path) -> FileValues {
    let shown = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // Python programs keep folders of this name.
        Err(error) if is_nothing(&error) || error.kind() == ErrorKind::IsADirectory => return FileValues::default(),
        Err(error) => return FileValues::only(SettingFault::new(shown, format!("cannot be read: {error}"))),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut said = FileValues::default();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = match line {
            Ok(pair) => pair,
            Err(error) => {
                said.faults.push(SettingFault::new(shown.as_str(), unreadable(text, &error)));
                continue;
            }
        };
        match table.named(&name) {
            Some(setting) if setting.chooses_files => {
                let message = "chooses the files, and so can be set only in the environment or by --config";
                said.faults.push(SettingFault::new(setting.name, format!("{message} ({shown})")));
            }
            Some(setting) => {
                said.values.retain(|(other, _)| other.name != setting.name);
                said.values.push((setting, Some(value)));
            }
            None => said.faults.extend(slip(table, &name, &shown)),
        }
    }
    said.is_ours = !said.values.is_empty() || !said.faults.is_empty();
    said
}

/// The fault of a name that is nearly one of ours.
pub(crate) fn slip(table: &Table, name: &str, source: &str) -> Option<SettingFault> {
    let meant = typos::likely_typo(table, name)?.name;
    Some(SettingFault::new(name, format!("is no setting; did you mean {meant}? ({source})")))
}

/// Which line cannot be read; not the line, which may hold a secret.
fn unreadable(text: &str, error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(line, _) = error else { return format!("cannot be read: {error}") };
    let number = text.lines().position(|one| one.trim() == line.trim());
    let place = number.map_or_else(|| "a line".to_owned(), |number| format!("line {}", number + 1));
    format!("cannot be read: {place} is not NAME=value")
}

#[cfg(test)]
mod tests;
