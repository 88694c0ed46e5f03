//! `cargo xtask bench`: the server and a floor under the same load in one run, what other requests cost with few and
//! many live sessions, and the detection pass. Everything is built and measured in release mode.

mod beats;
mod detection;
mod facts;
mod load;
mod report;
mod requests;
mod seed;
mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rekindle_core::{Clock, Ids, RandomIds, SystemClock};

use crate::shell::{cargo, root, run as run_command, target_dir};
use beats::BeatRow;
use detection::PassRow;
use load::{Timing, ask};
use requests::{RequestRow, plain};
use seed::Seeded;
use server::Process;

/// How long the server may take to be ready on a full database.
const READY: Duration = Duration::from_secs(60);
/// No session is missed while the benchmark runs.
const STALL_THRESHOLD_MS: &str = "86400000";

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// A look of one or two minutes with 100,000 sessions that writes no file.
    #[arg(long)]
    quick: bool,
    /// The store under the server.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    store: StoreKind,
}

/// The stores that can be measured.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StoreKind {
    Sqlite,
}

/// How much is measured.
struct Extent {
    /// The numbers of live sessions.
    sizes: [u32; 2],
    timing: Timing,
    rounds: u32,
}

const FULL: Extent = Extent {
    sizes: [1_000, 1_000_000],
    timing: Timing { warm_up: Duration::from_secs(1), span: Duration::from_secs(5) },
    rounds: 5,
};
const QUICK: Extent = Extent {
    sizes: [1_000, 100_000],
    timing: Timing { warm_up: Duration::from_millis(500), span: Duration::from_millis(1500) },
    rounds: 3,
};

/// What was measured with one number of live sessions.
struct Stage {
    sessions: u32,
    beats: Vec<BeatRow>,
    requests: Vec<RequestRow>,
    /// The most memory that the server had resident from its start to its end, in bytes.
    peak_memory: u64,
    /// The size of the database before the load, in bytes.
    database: u64,
}

/// All that was measured.
struct Measured {
    stages: Vec<Stage>,
    passes: Vec<PassRow>,
}

/// Builds, measures, prints, and writes the page.
pub fn run(options: &Options) -> Result<()> {
    let StoreKind::Sqlite = options.store;
    if cfg!(debug_assertions) {
        return again_in_release();
    }
    let extent = if options.quick { QUICK } else { FULL };
    build()?;

    // Beside the build, and not in a folder for temporary files, which may be in memory: fsync must cost what it costs.
    let target = target_dir();
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(target)?;
    let facts = facts::facts(folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&extent, folder.path()))?;

    let page = report::page(&extent, &facts, &measured);
    println!("\n{page}");
    if options.quick {
        println!("A quick look: docs/benchmarks.md is as it was.");
    } else {
        fs::write(root().join("docs/benchmarks.md"), page)?;
        println!("wrote docs/benchmarks.md");
    }
    Ok(())
}

/// A load generator and a store that were built for debugging would measure themselves.
fn again_in_release() -> Result<()> {
    println!("building the benchmark in release mode");
    run_command(cargo(["build", "--quiet", "--release", "-p", "xtask"]))?;
    let mut command = Command::new(release("xtask"));
    command.args(std::env::args_os().skip(1));
    run_command(command)
}

fn build() -> Result<()> {
    println!("building the server and the floor in release mode");
    run_command(cargo(["build", "--quiet", "--release", "-p", "rekindle-cli"]))?;
    run_command(cargo(["build", "--quiet", "--release", "-p", "rekindle-http", "--example", "floor"]))
}

fn release(program: &str) -> PathBuf {
    target_dir().join("release").join(program)
}

async fn measure(extent: &Extent, folder: &Path) -> Result<Measured> {
    let mut measured = Measured { stages: Vec::new(), passes: Vec::new() };
    for sessions in extent.sizes {
        println!("\n{sessions} live sessions");
        let seed_file = folder.join(format!("seed-{sessions}.db"));
        let seeded = seed::fill(&seed_file, sessions, SystemClock.now()).await?;
        measured.stages.push(stage(extent, folder, &seed_file, &seeded).await?);
        if sessions == extent.sizes[1] {
            println!("the detection pass");
            measured.passes = detection::measure(&seed_file, &seeded).await?;
        }
    }
    Ok(measured)
}

async fn stage(extent: &Extent, folder: &Path, seed_file: &Path, seeded: &Seeded) -> Result<Stage> {
    let sessions = u32::try_from(seeded.ids.len())?;
    let key = RandomIds.fresh().to_string();
    let database = folder.join(format!("server-{sessions}.db"));
    fs::copy(seed_file, &database)?;
    let size = fs::metadata(&database)?.len();
    let server = Process::start(serve(&database, &key), &folder.join("server.log")).await?;
    ready(&server).await?;
    let floor = Process::start(floor(folder, seeded)?, &folder.join("floor.log")).await?;

    let beats = beats::measure(&floor, &server, &seeded.ids, &key, extent.timing, extent.rounds).await?;
    drop(floor);
    let requests = requests::measure(&server, &seeded.ids, &key, extent.timing).await?;
    let peak_memory = server.peak_memory()?;
    server.stop().await?;
    Ok(Stage { sessions, beats, requests, peak_memory, database: size })
}

fn serve(database: &Path, key: &str) -> Command {
    let mut command = Command::new(release("rekindle"));
    command.arg("serve").env_remove("MONGODB_URI").envs([
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("STORE_URL", &format!("sqlite:{}", database.display())),
        ("API_KEYS", key),
        ("LOG_LEVEL", "info"),
        ("LOG_FORMAT", "json"),
        ("STALL_THRESHOLD_MS", STALL_THRESHOLD_MS),
        ("RATE_LIMIT_PER_MINUTE", "0"),
    ]);
    command
}

fn floor(folder: &Path, seeded: &Seeded) -> Result<Command> {
    let ids = folder.join("floor-ids");
    let mut lines = std::io::BufWriter::new(fs::File::create(&ids)?);
    for id in &seeded.ids {
        writeln!(lines, "{id}")?;
    }
    lines.flush()?;
    let mut command = Command::new(release("examples/floor"));
    command.arg(folder.join(format!("floor-{}.db", seeded.ids.len()))).arg(ids);
    Ok(command)
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
