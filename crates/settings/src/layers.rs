//! The layers of the settings, laid over each other: which value counts, and where it comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::SettingFault;
use crate::files::{self, FileValues};
use crate::source::Source;
use crate::table::{Setting, Table};

/// What settings are gathered from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The settings that there are.
    pub table: &'static Table,
    /// The environment.
    pub environment: Environment,
    /// The `.env` to read, if it is there.
    pub dot_env: Option<PathBuf>,
    /// Whether the files of the settings' folder are read.
    pub with_files: bool,
    /// Set on the command line.
    pub flags: Vec<Flag>,
    /// Of the command that runs, where it is another than `serve`.
    pub command: Option<Command>,
}

/// A setting on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// As it is written, such as `--port`.
    pub name: &'static str,
    /// What it sets.
    pub setting: &'static Setting,
    /// To what.
    pub value: String,
}

/// A command that sets what no other layer does: `rekindle dev`.
#[derive(Clone)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// The values that hold where no layer sets another.
    pub chosen: Vec<(&'static Setting, String)>,
    /// What it adds to lists, whatever else they hold.
    pub added: Vec<(&'static Setting, String)>,
}

/// Names only: values may be secret.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// None for one that was refused already.
    pub text: Option<String>,
    pub source: Source,
    /// A value of a higher layer wins.
    pub layer: u8,
}

/// All layers, laid over each other.
#[derive(Clone)]
pub struct Layers {
    table: &'static Table,
    given: BTreeMap<&'static str, Layer>,
    files: Vec<PathBuf>,
    is_dev: bool,
    /// The one that is being laid.
    layer: u8,
    faults: Vec<SettingFault>,
}

impl Sources {
    /// The environment alone.
    pub fn of_environment(table: &'static Table, environment: Environment) -> Self {
        Self { table, environment, dot_env: None, with_files: false, flags: Vec::new(), command: None }
    }

    /// What a server reads in its working folder: the settings' files, `.env`, the environment and these flags.
    pub fn of_server(table: &'static Table, flags: Vec<Flag>) -> Self {
        let dot_env = Some(PathBuf::from(".env"));
        Self { dot_env, with_files: true, flags, ..Self::of_environment(table, Environment::of_process()) }
    }

    /// Reads the files, and lays everything over each other. What is wrong is in [`Layers::faults`].
    pub fn gather(&self) -> Layers {
        let Table { folder: folder_setting, overlay: overlay_setting, .. } = *self.table;
        let mut files = Vec::new();
        let mut folder_fault = None;
        if let Some(dot_env) = &self.dot_env {
            files.push((dot_env.clone(), files::dot_env(self.table, dot_env)));
        }
        if self.with_files {
            // The folder is chosen by what is not in it.
            let chosen = self.merge(&files);
            let folder = PathBuf::from(chosen.text(folder_setting).unwrap_or_default());
            let named = chosen.given(folder_setting).map(|given| &given.source);
            match named {
                Some(source) if !folder.is_dir() => {
                    let message = format!("must be a folder that exists, and is {:?} ({source})", folder.display());
                    folder_fault = Some(SettingFault::new(folder_setting.name, message));
                }
                _ => {
                    let base = folder.join("base.toml");
                    let said = files::toml(self.table, &base, named.is_some(), true);
                    files.insert(0, (base, said));
                    // And so is the second file, which lies over the first one.
                    let overlay =
                        self.merge(&files).text(overlay_setting).and_then(overlay).map(|name| folder.join(name));
                    if let Some(path) = overlay {
                        let said = files::toml(self.table, &path, named.is_some(), false);
                        files.insert(1, (path, said));
                    }
                }
            }
        }
        let mut layers = self.merge(&files);
        layers.faults.extend(folder_fault);
        layers
    }

    /// Lays everything over each other that was read so far.
    fn merge(&self, files: &[(PathBuf, FileValues)]) -> Layers {
        let mut layers = Layers::new(self.table, self.command.is_some());
        if let Some(command) = &self.command {
            for (setting, text) in &command.chosen {
                layers.put(setting, Some(text), Source::Command(command.name));
            }
        }
        for (path, said) in files {
            layers.layer += 1;
            layers.faults.extend_from_slice(&said.faults);
            if said.is_ours {
                layers.files.push(path.clone());
            }
            for (setting, text) in &said.values {
                let path = path.clone();
                let source = if self.dot_env.as_ref() == Some(&path) {
                    Source::DotEnv(path)
                } else {
                    Source::File { path, key: setting.key() }
                };
                layers.put(setting, text.as_deref(), source);
            }
        }
        layers.layer += 1;
        for setting in self.table.settings {
            layers.put(setting, self.environment.get(setting.name), Source::Environment);
        }
        let slips =
            self.environment.names().filter_map(|name| files::slip(self.table, name, &Source::Environment.to_string()));
        layers.faults.extend(slips);
        layers.layer += 1;
        for Flag { name, setting, value } in &self.flags {
            layers.put(setting, Some(value), Source::Flag(name));
        }
        if let Some(command) = &self.command {
            for (setting, text) in &command.added {
                layers.add(setting, text, command.name);
            }
        }
        layers
    }
}

/// The file of an environment; `None` for a name that could lead out of the folder.
fn overlay(environment: &str) -> Option<String> {
    let plain = environment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match environment {
        "development" => Some("dev.toml".to_owned()),
        "production" => Some("prod.toml".to_owned()),
        // That one is read for everybody.
        "base" => None,
        word => plain.then(|| format!("{word}.toml")),
    }
}

impl Layers {
    fn new(table: &'static Table, is_dev: bool) -> Self {
        Self { table, given: BTreeMap::new(), files: Vec::new(), is_dev, layer: 0, faults: Vec::new() }
    }

    /// What is wrong with the files and with names; what is wrong with values is found by [`crate::Reader`].
    pub fn faults(&self) -> &[SettingFault] {
        &self.faults
    }

    pub(crate) fn table(&self) -> &'static Table {
        self.table
    }

    /// A value over what was there; an empty one is none.
    fn put(&mut self, setting: &'static Setting, text: Option<&str>, source: Source) {
        let text = text.map(str::trim);
        if text == Some("") || (text.is_none() && source == Source::Environment) {
            return;
        }
        self.given.insert(setting.name, Layer { text: text.map(str::to_owned), source, layer: self.layer });
    }

    /// Adds an item to a list, beside what other layers say.
    fn add(&mut self, setting: &'static Setting, item: &str, command: &'static str) {
        match self.given.get_mut(setting.name) {
            Some(Layer { text: Some(others), .. }) => *others = format!("{others},{item}"),
            Some(Layer { text: None, .. }) => {}
            None => self.put(setting, Some(item), Source::Command(command)),
        }
    }

    /// What was given for a setting.
    pub(crate) fn given(&self, setting: &Setting) -> Option<&Layer> {
        self.given.get(setting.name)
    }

    /// The value that counts, if there is one that was not refused.
    pub fn text(&self, setting: &Setting) -> Option<&str> {
        match self.given(setting) {
            Some(given) => given.text.as_deref(),
            None => setting.in_dev.filter(|_| self.is_dev).or(setting.default),
        }
    }

    /// Where that comes from.
    pub fn source(&self, setting: &Setting) -> &Source {
        self.given(setting).map_or(&Source::Default, |given| &given.source)
    }

    /// The files that had something to say, in their order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}
