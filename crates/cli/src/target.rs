//! Which server a command talks to and with which key: from flags, else the environment, else the data folder of a
//! local server in the current folder or a parent, as git searches for `.git`.

use std::path::{Path, PathBuf};

use clap::Args;
use rekindle_client::{HeaderValue, Url};

use crate::data_dir::{self, Folder};
use crate::error::CliError;

const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// The options that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The server; without it the one of the nearest `.rekindle`, else <http://127.0.0.1:3000>
    #[arg(long, global = true, env = "REKINDLE_URL", value_name = "URL")]
    url: Option<String>,
    /// The API key; without it the one in the nearest `.rekindle`
    #[arg(long, global = true, env = "REKINDLE_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// A file of CA certificates in PEM that are trusted for the server, besides those that this host trusts
    #[arg(long, global = true, env = "REKINDLE_CA_FILE", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The data folder of a local server, in place of the nearest `.rekindle`
    #[arg(long, global = true, env = "REKINDLE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print the API's JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Print without colours, as with `NO_COLOR` set
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// A server and the API key for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub url: Url,
    pub key: String,
    /// Where the URL comes from, for messages.
    pub found: String,
    /// A file of CA certificates that are trusted for the server, besides those that this host trusts.
    pub ca: Option<PathBuf>,
}

impl Globals {
    /// Returns the data folder that these options select, if there is one.
    pub(crate) fn folder(&self) -> Option<Folder> {
        match &self.data {
            Some(path) => Some(Folder::at(path.clone())),
            None => std::env::current_dir().ok().and_then(|here| Folder::nearest(&here)),
        }
    }

    /// Returns the server and the key.
    ///
    /// # Errors
    /// Fails if there is no key, or if the URL is invalid.
    pub(crate) fn locate(&self) -> Result<Target, CliError> {
        let target = locate(text(self.url.as_ref()), text(self.api_key.as_ref()), self.folder().as_ref())?;
        Ok(Target { ca: self.ca().map(Path::to_path_buf), ..target })
    }

    /// Returns the file of CA certificates. An empty name counts as none.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// Returns the URL of the server, and where it comes from, for requests that need no key.
    ///
    /// # Errors
    /// Fails if the URL is invalid.
    pub(crate) fn server(&self) -> Result<(Url, String), CliError> {
        server(text(self.url.as_ref()), self.folder().as_ref())
    }
}

/// An empty variable counts as absent.
fn text(given: Option<&String>) -> Option<&str> {
    given.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn server(url: Option<&str>, folder: Option<&Folder>) -> Result<(Url, String), CliError> {
    let note = folder.and_then(Folder::note);
    let (address, found) = match (url, &note, folder) {
        (Some(url), _, _) => (url, "given by --url or REKINDLE_URL".to_owned()),
        (None, Some(note), Some(folder)) => {
            (note.url.as_str(), format!("named by {} (pid {})", folder.path().display(), note.pid))
        }
        (None, _, Some(folder)) => (DEFAULT_URL, format!("the default: no server runs on {}", folder.path().display())),
        (None, _, None) => (DEFAULT_URL, format!("the default: no {} here or above", data_dir::NAME)),
    };
    let parsed = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        Some(parsed) => Ok((parsed, found)),
        None => Err(CliError::Configuration(format!(
            "{address} ({found}) is no URL of a server\n  it must be like http://127.0.0.1:3000"
        ))),
    }
}

fn locate(url: Option<&str>, key: Option<&str>, folder: Option<&Folder>) -> Result<Target, CliError> {
    let (parsed, found) = server(url, folder)?;
    // The key of a local server is sent only to a server on this host.
    let kept = folder.filter(|_| url.is_none() || is_local(&parsed)).and_then(Folder::key);
    let Some(key) = key.map(str::to_owned).or(kept) else {
        return Err(CliError::Configuration(format!(
            "no API key for {parsed}: none was given, and no {} here or above has one for it\n  start a server of your \
             own with `rekindle dev`, or set REKINDLE_API_KEY to a key of that server",
            data_dir::NAME
        )));
    };
    if HeaderValue::from_str(&key).is_err() {
        return Err(CliError::Configuration(
            "the API key has characters that no key has; a key is a UUID, see REKINDLE_API_KEY".to_owned(),
        ));
    }
    Ok(Target { url: parsed, key, found, ca: None })
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
