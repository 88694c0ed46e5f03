//! `rekindle run`: runs a command as a session. The command runs as it would without the runner, and it continues
//! whatever the server does, unless its session is superseded.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use rekindle_api::Object;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::{CliError, SUPERSEDED};
use crate::messages::say;
use crate::run::backoff::Backoff;
use crate::run::child::{Child, ExitKind, PollResult, Stderr};
use crate::run::outcome::{Outcome, exit_code, outcome};
use crate::run::plan::{Plan, SessionSource};
use crate::run::process_guard::GRACE;
use crate::run::registration::{Registered, Registration};
use crate::run::reporter::{Reported, Reporter};
use crate::run::signals::{Event, Signals};
use crate::target::Globals;
use crate::value_parsers::{id, object, span, this_machine};

/// How long to wait for a server that is restarting. After that the command starts without it.
const PATIENCE: Duration = Duration::from_secs(1);
const NO_SUCH_COMMAND: u8 = 127;
const NO_COMMAND: u8 = 126;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The project that it is part of
    #[arg(long, required_unless_present = "session")]
    project: Option<String>,
    /// The machine that it runs on; without it this host's name
    #[arg(long, conflicts_with = "session")]
    machine: Option<String>,
    /// The machine's slot that it takes
    #[arg(long, conflicts_with = "session")]
    slot: Option<u16>,
    /// The task's name; without it the command
    #[arg(long, value_parser = task_name)]
    name: Option<String>,
    /// Continue this live session, with its pending task of that name, else its oldest pending one
    #[arg(long, value_name = "ID", value_parser = id)]
    session: Option<Uuid>,
    /// The longest time between two heartbeats; the server may ask for more of them
    #[arg(long, default_value = "20s", value_name = "SPAN", value_parser = span)]
    heartbeat: Duration,
    /// How long to wait for the server, after the command has ended, to report how
    #[arg(long, default_value = "30s", value_name = "SPAN", value_parser = span)]
    report_timeout: Duration,
    /// What to do with the command when its session was recovered elsewhere
    #[arg(long, default_value = "stop", value_name = "WHAT")]
    on_superseded: OnSuperseded,
    /// The command is a shell, or needs the whole terminal: its stderr is left alone, and so the report of a failure
    /// lacks its last lines
    #[arg(long, short)]
    interactive: bool,
    /// Data of your own for the session, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Checks the name before anything is sent: a task that is refused later would leave its session behind.
fn task_name(text: &str) -> Result<String, rekindle_core::InvalidValue> {
    text.parse::<rekindle_core::TaskName>().map(|name| name.to_string())
}

/// What to do with a command whose session is superseded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnSuperseded {
    /// End it: SIGTERM, and SIGKILL after ten seconds
    Stop,
    /// Let it run on, untracked
    Continue,
}

/// Runs the command and reports how it ended.
///
/// # Errors
/// Fails if the command was not run.
pub(crate) async fn run(globals: &Globals, args: RunArgs) -> Result<ExitCode, CliError> {
    let server = Connection::new(globals.locate()?)?;
    let whose = match (args.session, args.project) {
        (Some(id), project) => SessionSource::Adopted { id, project },
        (None, Some(project)) => SessionSource::New { project, machine: this_machine(args.machine)?, slot: args.slot },
        (None, None) => return Err(CliError::Usage("--project or --session is needed".to_owned())),
    };
    let plan = Plan::new(whose, args.name, args.metadata.unwrap_or_default(), args.heartbeat, &args.command);
    // From here on signals are queued until there is a command to forward them to.
    let signals = Signals::listen()?;
    let mut registration = Registration::new(plan);
    let lost = seek(&server, &mut registration).await?;
    let variables = variables(&server, registration.registered());
    let stderr = if args.interactive { Stderr::Untouched } else { Stderr::Kept };
    let child = Child::start(&args.command, &variables, stderr);

    let (tell_outcome, outcome_known) = oneshot::channel();
    let (tell_superseded, superseded) = oneshot::channel();
    let reporter = Reporter::new(globals.clone(), server, registration, lost);
    let reporter = tokio::spawn(reporter.work(outcome_known, tell_superseded, args.report_timeout));
    let mut run = Run { signals, reporter, on_superseded: args.on_superseded };
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ok(run.unstarted(&args.command, &error, tell_outcome).await),
    };
    let (ending, is_superseded) = run.watch(&child, superseded).await?;
    let last_words = run.finish(&mut child, ending).await;
    drop(child);
    if is_superseded && args.on_superseded == OnSuperseded::Stop {
        return Ok(ExitCode::from(SUPERSEDED));
    }
    let outcome = outcome(ending, &last_words);
    run.report(outcome, tell_outcome).await;
    Ok(ExitCode::from(exit_code(ending)))
}

/// Registers the run, if there is a server. Otherwise prints why not and returns the reason.
async fn seek(server: &Connection, registration: &mut Registration) -> Result<Option<String>, CliError> {
    let deadline = Instant::now() + PATIENCE;
    let mut backoff = Backoff::up_to(PATIENCE);
    loop {
        let failure = match registration.advance(server).await {
            Ok(registered) => {
                say(&format!("session {}", registered.session));
                return Ok(None);
            }
            Err(failure) => failure,
        };
        let is_passing = match &failure {
            CliError::Refused(_) => failure.is_for_now(),
            CliError::Unreachable(_) | CliError::Unexpected(_) => true,
            CliError::Usage(_) | CliError::Conflict(_) | CliError::Configuration(_) | CliError::OutputClosed => false,
        };
        if !is_passing {
            return Err(failure);
        }
        let pause = failure.retry_after() + backoff.next();
        if Instant::now() + pause >= deadline {
            let words = failure.to_string();
            say(&format!(
                "{words}\n  the command runs regardless, without REKINDLE_SESSION_ID and REKINDLE_TASK_ID; it is \
                 registered when the server answers"
            ));
            return Ok(Some(words));
        }
        sleep(pause).await;
    }
}

/// Returns the environment variables that describe the session to the command.
fn variables(server: &Connection, registered: Option<Registered>) -> Vec<(&'static str, String)> {
    let target = server.target();
    let url = target.url.as_str().trim_end_matches('/').to_owned();
    let mut variables = vec![("REKINDLE_URL", url), ("REKINDLE_API_KEY", target.key.clone())];
    if let Some(file) = &target.ca {
        // The command may have another working folder.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        variables.push(("REKINDLE_CA_FILE", file.display().to_string()));
    }
    if let Some(registered) = registered {
        variables.push(("REKINDLE_SESSION_ID", registered.session.to_string()));
        variables.push(("REKINDLE_TASK_ID", registered.task.to_string()));
    }
    variables
}

/// A command that is running.
struct Run {
    signals: Signals,
    reporter: JoinHandle<Reported>,
    on_superseded: OnSuperseded,
}

impl Run {
    /// Reports a command that could not be started.
    async fn unstarted(mut self, command: &[OsString], error: &io::Error, tell: oneshot::Sender<Outcome>) -> ExitCode {
        let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
        let words = format!("{program} could not be started: {error}");
        self.report(Outcome::Failed(words), tell).await;
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        ExitCode::from(if is_missing { NO_SUCH_COMMAND } else { NO_COMMAND })
    }

    /// Waits until the command ends. Returns how it ended, and whether its session was superseded by then.
    async fn watch(
        &mut self,
        child: &Child,
        mut superseded: oneshot::Receiver<Uuid>,
    ) -> Result<(ExitKind, bool), CliError> {
        let mut is_superseded = false;
        let mut listens = true;
        let mut kill_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                event = self.signals.next() => match event {
                    Event::Child => match child.look()? {
                        PollResult::Over(ending) => return Ok((ending, is_superseded)),
                        PollResult::Stopped(by) => child.stopped(by),
                        PollResult::Runs => {}
                    },
                    Event::Resized => child.resized(),
                    Event::Forward(signal) => child.signal(signal),
                },
                by = &mut superseded, if listens => {
                    listens = false;
                    if let Ok(by) = by {
                        is_superseded = true;
                        let stops = self.on_superseded == OnSuperseded::Stop;
                        let so = if stops { "the command is stopped" } else { "the command runs on, and is tracked no longer" };
                        say(&format!("superseded: the work of this session goes on in session {by}; {so}"));
                        if stops {
                            child.signal(Signal::SIGTERM);
                            kill_at = Some(Instant::now() + GRACE);
                        }
                    }
                }
                () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                    kill_at = None;
                    child.signal(Signal::SIGKILL);
                }
            }
        }
    }

    /// Passes on the rest of the command's output, unless a signal cuts this short.
    async fn finish(&mut self, child: &mut Child, ending: ExitKind) -> Vec<u8> {
        child.release(ending);
        tokio::select! {
            () = child.drain() => {}
            () = interrupted(&mut self.signals) => {}
        }
        child.last_words()
    }

    /// Sends the outcome to the reporter, and prints a message if it could not be reported.
    async fn report(&mut self, outcome: Outcome, tell: oneshot::Sender<Outcome>) {
        let (brief, has_failed) = (outcome.brief().to_owned(), outcome != Outcome::Completed);
        // Fails if the reporter has already ended.
        tell.send(outcome).ok();
        let reported = tokio::select! {
            reported = &mut self.reporter => reported.unwrap_or_else(|error| Reported::Not(error.to_string())),
            () = interrupted(&mut self.signals) => Reported::Not("interrupted".to_owned()),
        };
        match reported {
            Reported::Done(session) if has_failed => {
                say(&format!("{brief}\n  to go on with it: rekindle session recover {session}"));
            }
            Reported::Done(_) | Reported::Nothing => {}
            Reported::Not(why) => {
                say(&format!("not reported: the command ended ({brief}), and the server does not know: {why}"));
            }
        }
    }
}

/// Returns at a signal that ends a process. The command has ended, so the signal cannot be forwarded.
async fn interrupted(signals: &mut Signals) {
    loop {
        if let Event::Forward(Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGQUIT) =
            signals.next().await
        {
            return;
        }
    }
}
