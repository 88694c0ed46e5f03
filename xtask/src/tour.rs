//! `cargo xtask tour`: plays the README's tour with the real binary. The README's own commands are fed to a shell word
//! for word, and their output is checked.

mod page;
mod store;
mod terminal;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rekindle_core::Timestamp;
use serde_json::Value;

use crate::mongo::{self, TestDatabase};
use crate::shell;
use page::Tour;
use store::{StoreKind, TourStore};
use terminal::Terminal;

const THRESHOLD: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The store under the server.
    #[arg(long, value_enum, default_value_t)]
    store: StoreKind,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match options.store {
        StoreKind::Sqlite => on_sqlite(),
        StoreKind::Mongo => match mongo::running()? {
            Some(uri) => on_mongo(&uri),
            None => {
                // Ends when it is dropped.
                let database = TestDatabase::provision();
                on_mongo(database.uri().context("the tour needs a mongod")?)
            }
        },
    }
}

/// Plays the tour on a file.
pub(crate) fn on_sqlite() -> Result<()> {
    on(&TourStore::Folder)
}

/// Plays the tour on a database of the MongoDB server with this URI.
pub(crate) fn on_mongo(uri: &str) -> Result<()> {
    on(&TourStore::on(uri))
}

fn on(store: &TourStore) -> Result<()> {
    let rekindle = shell::build_rekindle()?;
    let tour = Tour::of_readme()?;
    let sandbox = Sandbox::new(store, &rekindle)?;
    println!("\n$ {}", tour.server);
    let server = sandbox.server(&tour.server);
    let played = server.and_then(|server| {
        let played = play(&sandbox, &tour);
        let stopped = server.stop();
        played.and(stopped)
    });
    let removed = store.remove();
    played.and(removed)?;
    println!("\nThe tour went as the README says.");
    Ok(())
}

fn play(sandbox: &Sandbox<'_>, tour: &Tour) -> Result<()> {
    let mut terminal = Terminal::open(|command| sandbox.configure(command))?;
    terminal.play(&tour.start)?;
    terminal.play(&tour.kill)?;
    let killed = Instant::now();
    let old = sandbox.stalled(killed)?;
    let id = text(&old, "session_id");

    let status = terminal.play(&tour.status)?;
    expect(&status, &id, "the status names the silent session")?;
    expect(&terminal.play(&tour.left)?, "build the core", "what is left is named")?;

    let recovered = terminal.play(&tour.recover)?;
    let sessions = sandbox.sessions()?;
    ensure!(sessions.len() == 2, "two recovers make one successor, but there are {} sessions", sessions.len());
    let new = sessions.iter().find(|session| text(session, "recovered_from") == id).context("there is no successor")?;
    let successor = text(new, "session_id");
    expect(&recovered, &successor, "the successor is named")?;
    expect(&recovered, "build the core", "the successor has the unfinished task")?;

    let late = terminal.play(&tour.late)?;
    expect(&late, &successor, "a late heartbeat is told where the work goes on")?;
    expect(&late, "refused with exit code 3", "a late heartbeat is refused")?;

    terminal.play(&tour.finish)?;
    for session in sandbox.sessions()? {
        let status = text(&session, "status");
        ensure!(status == "completed", "at the end session {} is {status}", text(&session, "session_id"));
    }
    Ok(())
}

fn expect(output: &str, word: &str, what: &str) -> Result<()> {
    ensure!(output.contains(word), "expected that {what}: there is no \"{word}\" above");
    Ok(())
}

fn text(session: &Value, field: &str) -> String {
    session[field].as_str().unwrap_or_default().to_owned()
}

/// A folder, a port and an environment that no other server uses.
struct Sandbox<'a> {
    store: &'a TourStore,
    folder: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl<'a> Sandbox<'a> {
    fn new(store: &'a TourStore, rekindle: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // The tour kills a build; that build must start from nothing.
        let built = shell::root().join("target/tour");
        if built.exists() {
            std::fs::remove_dir_all(&built).with_context(|| format!("cannot clear {}", built.display()))?;
        }
        let binaries = rekindle.parent().map(Path::to_owned);
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(binaries.into_iter().chain(std::env::split_paths(&others)))?;
        Ok(Self { store, folder, path })
    }

    fn configure(&self, command: &mut Command) {
        command.current_dir(shell::root());
        command.env("PATH", &self.path).env("REKINDLE_DATA", self.folder.path()).env("PORT", "0");
        command.env("NO_COLOR", "1").env_remove("REKINDLE_URL").env_remove("REKINDLE_API_KEY");
        command.env_remove("CARGO_TARGET_DIR");
        self.store.configure(command);
    }

    fn server(&self, line: &str) -> Result<Server> {
        let mut command = Command::new("bash");
        self.configure(&mut command);
        // `exec`, so that the process to end is the server itself.
        command.arg("-c").arg(line.replacen("rekindle", "exec rekindle", 1));
        let log = std::fs::File::create(self.folder.path().join("server.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = Server { child: command.spawn()? };
        let began = Instant::now();
        while self.rekindle(&["status", "--json"]).is_err() {
            if began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.path().join("server.log"))?;
                bail!("the server did not come up within {PATIENCE:?}:\n{log}");
            }
            shell::pause(Duration::from_millis(100));
        }
        Ok(server)
    }

    fn rekindle(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new("rekindle");
        self.configure(&mut command);
        Ok(serde_json::from_str(&shell::output({
            command.args(arguments);
            command
        })?)?)
    }

    fn sessions(&self) -> Result<Vec<Value>> {
        let mut list = self.rekindle(&["session", "list", "--json"])?;
        let Value::Array(sessions) = list["sessions"].take() else { bail!("that is no list of sessions: {list}") };
        Ok(sessions)
    }

    /// Waits until the one session is stalled. Fails if it was found more than a second after its deadline.
    fn stalled(&self, killed: Instant) -> Result<Value> {
        loop {
            let sessions = self.sessions()?;
            let session = sessions.first().context("the session was not registered before it was killed")?;
            if text(session, "status") == "stalled" {
                let heard: Timestamp = text(session, "last_heartbeat").parse()?;
                let marked: Timestamp = text(session, "updated_at").parse()?;
                let late = marked.since(heard.plus(THRESHOLD));
                println!("(found {late:?} after its deadline, {:.1} s after the kill)", killed.elapsed().as_secs_f64());
                ensure!(late <= Duration::from_secs(1), "it was found {late:?} after its deadline, more than a second");
                return Ok(session.clone());
            }
            ensure!(killed.elapsed() < PATIENCE, "the session is still {} after {PATIENCE:?}", session["status"]);
            shell::pause(Duration::from_millis(50));
        }
    }
}

struct Server {
    child: Child,
}

impl Server {
    /// Ends the server with SIGTERM. Fails if it ends with an error.
    fn stop(mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended already, which is fine.
        let _ = self.child.kill();
    }
}
