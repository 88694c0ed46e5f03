//! `rekindle db`: works on a database directly, beside its server or without one: check, backup, restore, vacuum,
//! export and import.

mod check;
mod common;
mod progress;
mod transfer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rekindle_core::{Clock, SystemClock};
use rekindle_stores::maintenance::{self, Existing, Progress, Stop};
use rekindle_stores::{NotAFileStore, StoreUrl};
use serde::Serialize;

use self::common::{json, size, with_progress};
use crate::data_dir;
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// The database, such as sqlite:/var/lib/rekindle/rekindle.db; without it `STORE_URL` or `MONGODB_URI`, else that of
    /// `rekindle dev` in the nearest `.rekindle`
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    #[arg(long, global = true, hide = true, env = "STORE_URL", hide_env_values = true)]
    store_url: Option<String>,
    #[arg(long, global = true, hide = true, env = "MONGODB_URI", hide_env_values = true)]
    mongodb_uri: Option<String>,
    #[arg(long, global = true, hide = true, env = "MONGODB_DATABASE", default_value = "claude-projects")]
    mongodb_database: String,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Check that it is sound and that no rule is broken, also while a server uses it; exits with 1 if not
    Check,
    /// Give back the room of what was deleted; no server may use it meanwhile
    Vacuum,
    /// Copy it to a file as it is at one moment, also while servers write to it
    Backup(BackupArgs),
    /// Put a backup in its place; no server may use it meanwhile
    Restore(RestoreArgs),
    /// Write all of it to one compressed file, for a database of the same or the other kind
    Export(transfer::ExportArgs),
    /// Fill an empty database with what was exported from another; no server may use it meanwhile
    Import(transfer::ImportArgs),
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// The file to write
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace the database if there is one; it is kept beside the new one, as …before-restore-TIME
    #[arg(long)]
    force: bool,
}

/// Runs the command on the database.
///
/// # Errors
/// Fails with the reason why the command was not done.
pub(crate) async fn db(globals: &Globals, args: DbArgs) -> Result<ExitCode, CliError> {
    let store = args.store.choose(globals)?;
    match args.command {
        DbCommand::Check => return check::check(globals, &store).await,
        DbCommand::Vacuum => vacuum(globals, &store).await?,
        DbCommand::Backup(args) => backup(globals, &store, args).await?,
        DbCommand::Restore(args) => restore(globals, &store, args).await?,
        DbCommand::Export(args) => transfer::export(globals, &store, args).await?,
        DbCommand::Import(args) => transfer::import(globals, &store, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl StoreArgs {
    fn choose(&self, globals: &Globals) -> Result<StoreUrl, CliError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let named = match (given(&self.store), given(&self.store_url), given(&self.mongodb_uri)) {
            (Some(url), _, _) => Some(("--store", url)),
            (None, Some(one), Some(other)) if one != other => {
                return Err(CliError::Configuration(
                    "STORE_URL and MONGODB_URI are both set, and differ; name the database with --store".to_owned(),
                ));
            }
            (None, Some(url), _) => Some(("STORE_URL", url)),
            (None, None, Some(url)) => Some(("MONGODB_URI", url)),
            (None, None, None) => None,
        };
        if let Some((name, url)) = named {
            let choice = StoreUrl::parse(url.trim(), &self.mongodb_database);
            return choice.map_err(|fault| CliError::Configuration(format!("{name} {fault}")));
        }
        let Some(folder) = globals.folder() else {
            return Err(CliError::Configuration(format!(
                "no database was named, and there is no {} here or above\n  name one with --store sqlite:PATH, or set \
                 STORE_URL",
                data_dir::NAME
            )));
        };
        Ok(StoreUrl::in_file(&folder.database()))
    }
}

#[derive(Serialize)]
struct Vacuumed<'a> {
    store: String,
    file: &'a Path,
    bytes_before: u64,
    bytes_after: u64,
}

async fn vacuum(globals: &Globals, store: &StoreUrl) -> Result<(), CliError> {
    let file = file(store, "gives room back by itself, or with its own `compact`")?;
    let path = file.to_path_buf();
    let done = with_progress(globals, file, move |stop, tell| maintenance::vacuum(&path, stop, tell)).await?;
    if globals.json {
        let (bytes_before, bytes_after) = (done.before, done.after);
        return json(&Vacuumed { store: store.to_string(), file, bytes_before, bytes_after });
    }
    let (before, after) = (size(done.before), size(done.after));
    output::data(&format!("wrote {} anew: {before} before, {after} now", file.display()))
}

#[derive(Serialize)]
struct BackedUp<'a> {
    store: String,
    file: &'a Path,
    bytes: u64,
    pages: u64,
}

async fn backup(globals: &Globals, store: &StoreUrl, args: BackupArgs) -> Result<(), CliError> {
    let file = file(store, "is backed up with mongodump, or with `rekindle db export`")?;
    let (from, to, existing) = (file.to_path_buf(), args.file.clone(), existing(args.force));
    let done =
        with_progress(globals, file, move |stop, tell| maintenance::backup(&from, &to, existing, stop, tell)).await?;
    if globals.json {
        return json(&BackedUp { store: store.to_string(), file: &args.file, bytes: done.bytes, pages: done.pages });
    }
    output::data(&format!("backed {} up to {} ({}, verified)", file.display(), args.file.display(), size(done.bytes)))
}

#[derive(Serialize)]
struct Restored<'a> {
    store: String,
    file: &'a Path,
    bytes: u64,
    kept: Option<PathBuf>,
}

async fn restore(globals: &Globals, store: &StoreUrl, args: RestoreArgs) -> Result<(), CliError> {
    let file = file(store, "is restored with mongorestore, or with `rekindle db import`")?;
    let (from, to, existing, now) = (args.file.clone(), file.to_path_buf(), existing(args.force), SystemClock.now());
    let work =
        move |stop: &Stop, tell: &mut dyn FnMut(Progress)| maintenance::restore(&from, &to, existing, now, stop, tell);
    let done = with_progress(globals, file, work).await?;
    if globals.json {
        return json(&Restored { store: store.to_string(), file: &args.file, bytes: done.bytes, kept: done.kept });
    }
    let kept = done.kept.map(|kept| format!("\nwhat was there is kept as {}", kept.display())).unwrap_or_default();
    output::data(&format!("restored {} to {} ({}){kept}", args.file.display(), file.display(), size(done.bytes)))
}

/// Returns the file of the database. For a MongoDB database it fails, and `instead` names what to use there.
fn file<'a>(store: &'a StoreUrl, instead: &str) -> Result<&'a Path, CliError> {
    store.file().map_err(|no_file| {
        CliError::Usage(match no_file {
            NotAFileStore::Mongo => format!("this is for SQLite; a MongoDB database {instead} ({store})"),
            NotAFileStore::Memory => {
                format!("{store} is in memory, and ends with its server; name a database in a file")
            }
        })
    })
}

const fn existing(force: bool) -> Existing {
    if force { Existing::IsReplaced } else { Existing::Stays }
}
