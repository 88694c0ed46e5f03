//! `rekindle dev`: runs a server for one folder, with all its data in `.rekindle`. It needs no settings.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use rekindle_core::RandomIds;
use rekindle_server::settings::{Settings, table};
use rekindle_server::{ServeError, ServerBuilder, start_log};
use rekindle_settings::{Command, Flag, Sources};

use super::config::SettingFlags;
use super::serve::{ended, multi_thread_runtime};
use crate::data_dir::{self, Folder, Key, ServerNote};
use crate::error::CliError;
use crate::messages::say;
use crate::output::data;
use crate::target::Globals;

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// Fails if another server uses the folder, if settings are wrong, or if the server cannot listen.
pub(crate) fn dev(globals: &Globals, flags: SettingFlags) -> Result<ExitCode, CliError> {
    let folder = Folder::at(globals.data.clone().unwrap_or_else(|| data_dir::NAME.into()));
    let claim = folder.claim()?;
    let (key, is_new) = match claim.key(&RandomIds)? {
        Key::Made(key) => (key, true),
        Key::Kept(key) => (key, false),
        Key::Tightened(key) => {
            say(&format!("{} could be read by others; its mode is 0600 now", folder.key_file().display()));
            (key, false)
        }
    };
    let settings = Settings::of(&sources(&folder, key, flags.given()).gather())?;
    let _log = start_log(&settings)?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    settings.announce();
    let is_near = is_nearest(&folder);
    let announce = |address: SocketAddr| {
        let url = format!("{scheme}://{}", reachable(address));
        let note = ServerNote { url, pid: std::process::id() };
        let shown = claim.write_note(&note).and_then(|()| data(&banner(&note.url, &folder, is_new, is_near)));
        match shown {
            // A closed stdout does not stop the server.
            Ok(()) | Err(CliError::OutputClosed) => Ok(()),
            Err(failure) => Err(io::Error::other(failure.to_string())),
        }
    };
    multi_thread_runtime(async {
        match ServerBuilder::new(&settings).run(announce).await {
            Err(ServeError::Failed(why)) if why.contains("in use") => {
                Err(CliError::Unexpected(anyhow::anyhow!("{why}\n  for a free one: rekindle dev --port 0")))
            }
            outcome => ended(outcome),
        }
    })
}

/// Returns the sources of the settings: defaults for one developer on one machine, below everything that was set. The
/// `.env` of the working folder is not read, since it belongs to the user's project; that of the data folder is.
fn sources(folder: &Folder, key: String, flags: Vec<Flag>) -> Sources {
    let store_url = format!("sqlite:{}", folder.database().display());
    let (chosen, added) = (vec![(&table::STORE_URL, store_url)], vec![(&table::API_KEYS, key)]);
    let command = Command { name: "rekindle dev", chosen, added };
    Sources {
        dot_env: Some(folder.path().join(".env")),
        command: Some(command),
        ..Sources::of_server(&table::TABLE, flags)
    }
}

/// Returns the address under which a program on this machine reaches the server.
fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(host, address.port())
}

/// Whether commands in the current folder find this data folder without `--data`.
fn is_nearest(folder: &Folder) -> bool {
    let nearest = std::env::current_dir().ok().and_then(|here| Folder::nearest(&here));
    let whole = |folder: &Folder| folder.path().canonicalize().ok();
    nearest.is_some_and(|nearest| whole(&nearest) == whole(folder))
}

fn banner(url: &str, folder: &Folder, is_new: bool, is_near: bool) -> String {
    let whole = folder.path().canonicalize().unwrap_or_else(|_| folder.path().to_owned());
    let (whole, key) = (whole.display(), whole.join("api-key"));
    let made = if is_new { " (made just now)" } else { "" };
    let named = if is_near { String::new() } else { format!(" --data {whole}") };
    format!(
        "Rekindle listens on {url}\n  \
         data      {whole}\n  \
         API key   in {}{made}\n  \
         docs      {url}/api/docs\n\n\
         In another terminal, in this folder:\n  \
         rekindle{named} run --project demo -- sleep 60\n  \
         rekindle{named} status\n\n\
         Ctrl-C stops the server; what it knows stays.\n",
        key.display()
    )
}

#[cfg(test)]
mod tests;
