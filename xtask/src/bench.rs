//! `cargo xtask bench`: the server on one of the stores and a baseline (the *floor* of docs/benchmarks.md) under the same load in
//! one run; other requests with few and many live sessions; the detection pass. All of it is built with the profile `dist`.

mod about;
mod detection;
mod extent;
mod facts;
mod heartbeats;
mod load;
mod page;
mod report;
mod requests;
mod results;
mod seed;
mod server;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rekindle_core::{Clock, Ids, RandomIds, SystemClock};

use crate::shell::{cargo, root, run as run_command, target_dir};
use about::About;
use extent::{Extent, FULL, FULL_MONGO, QUICK};
use load::ask;
use requests::plain;
use results::{Measured, Stage};
use seed::Seeded;
use server::Process;
use targets::BenchTarget;
use targets::mongo::MongoTarget;
use targets::sqlite::SqliteTarget;

/// How long the server may take to be ready on a full database.
const READY: Duration = Duration::from_secs(60);
/// The profile of what is shipped.
const PROFILE: &str = "dist";
/// So long that no session is missed while the benchmark runs.
const STALL_THRESHOLD_MS: &str = "86400000";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// A quick run of one or two minutes with 100,000 sessions that writes no file.
    #[arg(long)]
    quick: bool,
    /// The store under the server.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    store: StoreKind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StoreKind {
    /// The store for one machine.
    Sqlite,
    /// The store for many machines, on a mongod that is found or fetched, started for the run, and ended after it.
    Mongo,
}

/// Builds, measures, prints, and writes the store's section of the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    if fs::canonicalize(shipped("xtask")).ok() != Some(fs::canonicalize(std::env::current_exe()?)?) {
        return run_again_as_shipped();
    }
    let extent = match (options.quick, options.store) {
        (true, _) => QUICK,
        (false, StoreKind::Sqlite) => FULL,
        (false, StoreKind::Mongo) => FULL_MONGO,
    };
    // Beside the build: a folder for temporary files may be in memory, where fsync costs nothing.
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(target_dir())?;
    let (about, section) = match options.store {
        StoreKind::Sqlite => {
            build(&about::SQLITE)?;
            (about::SQLITE, section(&about::SQLITE, &extent, folder.path(), SqliteTarget::within(folder.path()))?)
        }
        StoreKind::Mongo => {
            build(&about::MONGO)?;
            (about::MONGO, section(&about::MONGO, &extent, folder.path(), MongoTarget::start(folder.path())?)?)
        }
    };
    println!("\n{section}");
    if options.quick {
        println!("A quick look: docs/benchmarks.md is as it was.");
        return Ok(());
    }
    let page = root().join("docs/benchmarks.md");
    let text = page::with_section(&fs::read_to_string(&page)?, about.mark, &section)?;
    fs::write(&page, text)?;
    println!("wrote the section {} of docs/benchmarks.md", about.title);
    Ok(())
}

fn section(about: &About, extent: &Extent, folder: &Path, mut target: impl BenchTarget) -> Result<String> {
    let mut facts = facts::facts(folder)?;
    facts.extend(target.facts());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(about, extent, folder, &mut target))?;
    Ok(report::section(about, extent, &facts, &measured))
}

/// Builds this program with the profile of the server and runs it, since the detection pass is measured in it.
fn run_again_as_shipped() -> Result<()> {
    println!("building the benchmark with the profile {PROFILE}");
    run_command(cargo(["build", "--quiet", "--profile", PROFILE, "-p", "xtask"]))?;
    let mut command = Command::new(shipped("xtask"));
    command.args(std::env::args_os().skip(1));
    run_command(command)
}

fn build(about: &About) -> Result<()> {
    println!("building the server and the floor with the profile {PROFILE}");
    run_command(cargo(["build", "--quiet", "--profile", PROFILE, "-p", "rekindle-cli"]))?;
    run_command(cargo(["build", "--quiet", "--profile", PROFILE, "-p", "rekindle-http", "--example", about.baseline]))
}

/// Returns the path of a program that was built with the profile.
fn shipped(program: &str) -> PathBuf {
    target_dir().join(PROFILE).join(program)
}

async fn measure(about: &About, extent: &Extent, folder: &Path, target: &mut impl BenchTarget) -> Result<Measured> {
    let mut measured = Measured { stages: Vec::new(), passes: Vec::new() };
    for sessions in extent.sizes {
        println!("\n{sessions} live sessions");
        let seeded = target.fill(sessions).await?;
        measured.stages.push(stage(about, extent, folder, target, &seeded).await?);
        if sessions == extent.sizes[1] {
            println!("the detection pass");
            measured.passes = detection::measure(target.open_for_detection().await?, &seeded).await?;
        }
    }
    Ok(measured)
}

async fn stage(
    about: &About,
    extent: &Extent,
    folder: &Path,
    target: &impl BenchTarget,
    seeded: &Seeded,
) -> Result<Stage> {
    let key = RandomIds.new_id().to_string();
    let database = target.size().await?;
    let server = serve(folder, target, &key).await?;
    let program = shipped("examples").join(about.baseline);
    let baseline = target.baseline(&program, seeded)?;
    let baseline = Process::start(baseline, &folder.join("baseline.log"), target.database_process()).await?;
    let beats = heartbeats::measure(&baseline, &server, &seeded.ids, &key, extent.timing, extent.rounds).await?;
    drop(baseline);
    let mut requests = requests::measure(&server, &seeded.ids, &key, extent.timing).await?;
    let before = server.peak_memory()?;
    server.stop().await?;

    // Added only now, so that they affect no other figure.
    let lost = seed::add_recoverable(target.open().await?.as_ref(), extent.recoverable, SystemClock.now()).await?;
    let server = serve(folder, target, &key).await?;
    requests.extend(requests::recoveries(&server, &lost, &key, extent.timing).await?);
    let peak_memory = server.peak_memory()?.max(before);
    server.stop().await?;
    Ok(Stage { sessions: u32::try_from(seeded.ids.len())?, beats, requests, peak_memory, database })
}

/// Starts the server and waits until it is ready.
async fn serve(folder: &Path, target: &impl BenchTarget, key: &str) -> Result<Process> {
    let mut command = Command::new(shipped("rekindle"));
    command.arg("serve").env_remove("MONGODB_URI").env_remove("MONGODB_DATABASE").envs([
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("API_KEYS", key),
        ("LOG_LEVEL", "info"),
        ("LOG_FORMAT", "json"),
        ("STALL_THRESHOLD_MS", STALL_THRESHOLD_MS),
        ("RATE_LIMIT_PER_MINUTE", "0"),
    ]);
    command.envs(target.settings());
    let server = Process::start(command, &folder.join("server.log"), target.database_process()).await?;
    ready(&server).await?;
    Ok(server)
}

async fn ready(server: &Process) -> Result<()> {
    let deadline = Instant::now() + READY;
    loop {
        let answer = ask(server.address, &plain("GET", "/ready", "")).await.context("asking whether it is ready")?;
        if answer.status == 200 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the server is not ready: {}", String::from_utf8_lossy(&answer.body));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
