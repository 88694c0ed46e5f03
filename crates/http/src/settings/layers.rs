//! The layers of the settings, laid over each other: which value counts, and where it comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::files::{self, FileValues};
use super::source::Source;
use super::table::{ALL, API_KEYS, CONFIG_DIR, ENVIRONMENT, STORE_URL, Setting};
use super::{Environment, SettingFault};

/// What settings are gathered from. `Default` is nothing at all.
#[derive(Debug, Clone, Default)]
pub struct Sources {
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

/// A command that chooses what nobody has set: `rekindle dev`.
#[derive(Clone)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Where it keeps its data, as a `STORE_URL`.
    pub store_url: String,
    /// A key that is let in whatever others are.
    pub api_key: String,
}

/// The key is nobody's business.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("name", &self.name).field("store_url", &self.store_url).finish_non_exhaustive()
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// None for one that was refused already.
    pub text: Option<String>,
    pub source: Source,
    /// A value of a higher layer wins.
    pub layer: u8,
}

/// All layers, laid over each other.
#[derive(Clone, Default)]
pub struct Layers {
    given: BTreeMap<&'static str, Layer>,
    files: Vec<PathBuf>,
    is_dev: bool,
    /// The one that is being laid.
    layer: u8,
    pub(super) faults: Vec<SettingFault>,
}

impl Sources {
    /// What a server reads in its working folder: the settings' files, `.env`, the environment and these flags.
    pub fn of_server(flags: Vec<Flag>) -> Self {
        let dot_env = Some(PathBuf::from(".env"));
        Self { environment: Environment::of_process(), dot_env, with_files: true, flags, command: None }
    }

    /// Reads the files, and lays everything over each other. What is wrong comes out with [`super::Settings::of`].
    pub fn gather(&self) -> Layers {
        let mut files = Vec::new();
        let mut folder_fault = None;
        if let Some(dot_env) = &self.dot_env {
            files.push((dot_env.clone(), files::dot_env(dot_env)));
        }
        if self.with_files {
            // The folder is chosen by what is not in it.
            let chosen = self.merge(&files);
            let folder = PathBuf::from(chosen.text(&CONFIG_DIR).unwrap_or_default());
            let named = chosen.given(&CONFIG_DIR).map(|given| &given.source);
            match named {
                Some(source) if !folder.is_dir() => {
                    let message = format!("must be a folder that exists, and is {:?} ({source})", folder.display());
                    folder_fault = Some(SettingFault::new(CONFIG_DIR.name, message));
                }
                _ => {
                    let base = folder.join("base.toml");
                    let said = files::toml(&base, named.is_some(), true);
                    files.insert(0, (base, said));
                    // And so is the second file, which lies over the first one.
                    let overlay = self.merge(&files).text(&ENVIRONMENT).and_then(overlay).map(|name| folder.join(name));
                    if let Some(path) = overlay {
                        let said = files::toml(&path, named.is_some(), false);
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
        let mut layers = Layers { is_dev: self.command.is_some(), ..Layers::default() };
        if let Some(command) = &self.command {
            layers.put(&STORE_URL, Some(&command.store_url), Source::Command(command.name));
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
        for setting in ALL {
            layers.put(setting, self.environment.get(setting.name), Source::Environment);
        }
        let slips = self.environment.names().filter_map(|name| files::slip(name, &Source::Environment.to_string()));
        layers.faults.extend(slips);
        layers.layer += 1;
        for Flag { name, setting, value } in &self.flags {
            layers.put(setting, Some(value), Source::Flag(name));
        }
        if let Some(command) = &self.command {
            layers.let_in(&command.api_key, command.name);
        }
        layers
    }
}

/// The file for where a server stands. A word that could lead out of the folder has none.
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
    /// A value over what was there; an empty one is none.
    fn put(&mut self, setting: &'static Setting, text: Option<&str>, source: Source) {
        let text = text.map(str::trim);
        if text == Some("") || (text.is_none() && source == Source::Environment) {
            return;
        }
        self.given.insert(setting.name, Layer { text: text.map(str::to_owned), source, layer: self.layer });
    }

    /// The key of the folder's own commands is let in beside all others.
    fn let_in(&mut self, key: &str, command: &'static str) {
        match self.given.get_mut(API_KEYS.name) {
            Some(Layer { text: Some(others), .. }) => *others = format!("{others},{key}"),
            Some(Layer { text: None, .. }) => {}
            None => self.put(&API_KEYS, Some(key), Source::Command(command)),
        }
    }

    /// What was given for a setting.
    pub(super) fn given(&self, setting: &Setting) -> Option<&Layer> {
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

#[cfg(test)]
mod tests;
