//! `rekindle dev`: a server for one folder, with everything in its `.rekindle`, for whoever begins.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use rekindle_core::RandomIds;
use rekindle_http::logging;
use rekindle_http::server::{ServeError, serve};
use rekindle_http::settings::{Environment, Settings};

use super::serve::{ended, on_all_cores};
use crate::failure::Failure;
use crate::folder::{self, Folder, Key, ServerNote};
use crate::locate::Globals;
use crate::output::data;
use crate::words::say;

/// Where to listen.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// The address to listen on; without it HOST, else 127.0.0.1
    #[arg(long)]
    host: Option<String>,
    /// The port to listen on, 0 for a free one; without it PORT, else 3000
    #[arg(long)]
    port: Option<u16>,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Another server runs on the folder, settings are wrong, or it cannot listen.
pub fn dev(globals: &Globals, args: &DevArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(globals.data.clone().unwrap_or_else(|| folder::NAME.into()));
    let claim = folder.claim()?;
    let (key, is_new) = match claim.key(&RandomIds)? {
        Key::Made(key) => (key, true),
        Key::Kept(key) => (key, false),
        Key::Tightened(key) => {
            say(&format!("{} could be read by others; its mode is 0600 now", folder.key_file().display()));
            (key, false)
        }
    };
    let settings = Settings::read(&environment(Environment::of_process(), args, &folder, &key))?;
    logging::init(settings.log, settings.telemetry.as_ref());
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let is_near = is_nearest(&folder);
    let announce = |address: SocketAddr| {
        let url = format!("{scheme}://{}", reachable(address));
        let note = ServerNote { url, pid: std::process::id() };
        let shown = claim.write_note(&note).and_then(|()| data(&banner(&note.url, &folder, is_new, is_near)));
        match shown {
            // A server whose banner nobody reads is still a server.
            Ok(()) | Err(Failure::OutputClosed) => Ok(()),
            Err(failure) => Err(io::Error::other(failure.to_string())),
        }
    };
    on_all_cores(async {
        match serve(&settings, announce).await {
            Err(ServeError::Failed(why)) if why.contains("in use") => {
                Err(Failure::Unexpected(anyhow::anyhow!("{why}\n  for a free one: rekindle dev --port 0")))
            }
            outcome => ended(outcome),
        }
    })
}

/// What was set stands; what was not is chosen for one person on one machine.
fn environment(set: Environment, args: &DevArgs, folder: &Folder, key: &str) -> Environment {
    let mut environment = set;
    if let Some(host) = &args.host {
        environment = environment.with("HOST", host);
    }
    if let Some(port) = args.port {
        environment = environment.with("PORT", port.to_string());
    }
    if environment.get("MONGODB_URI").is_none() {
        environment = environment.with_default("STORE_URL", format!("sqlite:{}", folder.database().display()));
    }
    // The kept key is let in whatever else is: the commands in this folder use it.
    let keys = match environment.get("API_KEYS") {
        Some(others) => format!("{others},{key}"),
        None => key.to_owned(),
    };
    environment
        .with("API_KEYS", keys)
        .with_default("RATE_LIMIT_PER_MINUTE", "0")
        .with_default("LOG_FORMAT", "pretty")
        .with_default("ENVIRONMENT", "development")
}

/// Where a program on this machine reaches a server that listens there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(host, address.port())
}

/// Whether commands in the current folder find this one by themselves.
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
