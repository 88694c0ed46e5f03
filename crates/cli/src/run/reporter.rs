//! Reports a run to the server for as long as it lasts, also while the server is away for a time. It registers what is
//! not registered yet, sends heartbeats, notices when the session was superseded, and reports the outcome at the end.

use std::time::Duration;

use rekindle_api::{HeartbeatBody, MarkFailed, Nullable, PatchSession, PatchTask, SessionStatus, TaskStatus};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use uuid::Uuid;

use super::backoff::{Backoff, within_a_fifth};
use super::outcome::Outcome;
use super::registration::{Registered, Registration};
use super::report_error::Trouble;
use crate::connection::Connection;
use crate::error::CliError;
use crate::messages::say;
use crate::target::Globals;

/// The time limit of one request while the command runs.
const REQUEST: Duration = Duration::from_secs(10);

/// Reports one run.
pub(crate) struct Reporter {
    globals: Globals,
    server: Connection,
    registration: Registration,
    standing: ReportTarget,
    backoff: Backoff,
    /// The last message that was printed, so that it is printed once.
    said: Option<String>,
}

/// Whether there is a session to report to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ReportTarget {
    /// The session of this run, registered or yet to be.
    Ours,
    /// The session has ended, and a message said so. The reporter keeps checking for a successor, so that the work is
    /// not done twice.
    Ended,
    /// There is none and there will be none. A message gave the reason.
    Not,
}

/// The result of reporting the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reported {
    /// The server stored it.
    Done(Uuid),
    /// There is no session to report to. A message said so.
    Nothing,
    /// The server does not have it, for this reason.
    Not(String),
}

impl Reporter {
    /// Returns a reporter that continues this registration. `lost` is the message about it that was already printed.
    pub(crate) fn new(globals: Globals, server: Connection, registration: Registration, lost: Option<String>) -> Self {
        let backoff = Backoff::up_to(registration.plan.heartbeat);
        Self { globals, server, registration, standing: ReportTarget::Ours, backoff, said: lost }
    }

    /// Runs until the outcome is known and reported, at most for `limit` after it is known. Sends the id of a successor
    /// through `superseded`, once.
    pub(crate) async fn work(
        mut self,
        mut outcome: oneshot::Receiver<Outcome>,
        superseded: oneshot::Sender<Uuid>,
        limit: Duration,
    ) -> Reported {
        let mut superseded = Some(superseded);
        let mut next = if self.said.is_some() { Instant::now() + self.backoff.next() } else { Instant::now() };
        let known = loop {
            if self.standing == ReportTarget::Not {
                break (&mut outcome).await;
            }
            let step = async {
                sleep_until(next).await;
                self.step().await
            };
            tokio::select! {
                // A step that is cancelled may have been carried out. Every step can be repeated.
                known = &mut outcome => break known,
                step = step => match step {
                    Step::Next(pause) => next = Instant::now() + pause,
                    Step::Superseded(by) => {
                        self.standing = ReportTarget::Not;
                        if let Some(superseded) = superseded.take() {
                            // Fails if the command has just ended.
                            superseded.send(by).ok();
                        }
                    }
                    Step::Over => self.standing = ReportTarget::Not,
                },
            }
        };
        match known {
            Ok(outcome) if self.standing == ReportTarget::Ours => self.report(&outcome, limit).await,
            Ok(_) | Err(_) => Reported::Nothing,
        }
    }

    /// Sends one heartbeat, or registers first.
    async fn step(&mut self) -> Step {
        let result = match self.registration.registered() {
            Some(registered) => self.beat(registered).await,
            None => self.register().await,
        };
        let (demanded, trouble) = match result {
            Ok(pause) => {
                if self.said.take().is_some() {
                    say("the server answers again");
                }
                self.backoff.reset();
                return Step::Next(pause);
            }
            Err(failure) => (failure.retry_after(), Trouble::from(failure)),
        };
        match trouble {
            Trouble::Passing(words) => {
                self.say_once(&format!("{words}\n  the command runs on; trying again"));
                self.locate_again();
                // The random pause comes on top of what the server demands, so that its clients do not return all at
                // once.
                Step::Next(demanded + self.backoff.next())
            }
            Trouble::Superseded(by) => Step::Superseded(by),
            Trouble::Ended(words) => {
                if self.standing == ReportTarget::Ours {
                    say(&format!("{words}\n  the command runs on, and is tracked no longer"));
                }
                self.standing = ReportTarget::Ended;
                Step::Next(within_a_fifth(self.registration.plan.heartbeat))
            }
            Trouble::Final(words) => {
                say(&format!("{words}\n  the command runs on, and is tracked no longer"));
                Step::Over
            }
        }
    }

    async fn register(&mut self) -> Result<Duration, CliError> {
        let registered = self.registration.advance(&self.server).await?;
        self.said = None;
        say(&format!("the server answers: tracked from now on as session {}", registered.session));
        Ok(Duration::ZERO)
    }

    async fn beat(&self, registered: Registered) -> Result<Duration, CliError> {
        let body = HeartbeatBody { current_task_id: Nullable::Value(registered.task.to_string()), metadata: None };
        let answer = self.server.send(|api| api.send_heartbeat(registered.session, &body).within(REQUEST)).await?;
        let demanded = Duration::from_millis(answer.value.next_heartbeat_ms);
        Ok(within_a_fifth(self.registration.plan.heartbeat.min(demanded)))
    }

    fn say_once(&mut self, words: &str) {
        if self.said.is_none() {
            say(words);
            self.said = Some(words.to_owned());
        }
    }

    /// A local server that was restarted may have another address.
    fn locate_again(&mut self) {
        if let Ok(target) = self.globals.locate()
            && target != *self.server.target()
            && let Ok(server) = Connection::new(target)
        {
            self.server = server;
        }
    }

    async fn report(&mut self, outcome: &Outcome, limit: Duration) -> Reported {
        let deadline = Instant::now() + limit;
        self.backoff.reset();
        let mut last = "no answer in time".to_owned();
        loop {
            let Ok(result) = timeout_at(deadline, self.report_once(outcome)).await else {
                return Reported::Not(last);
            };
            let demanded = result.as_ref().err().map_or(Duration::ZERO, CliError::retry_after);
            match result.map_err(Trouble::from) {
                Ok(session) => {
                    if self.said.is_some() {
                        say("the server answers again, and knows how the command ended");
                    }
                    return Reported::Done(session);
                }
                Err(Trouble::Passing(words)) => {
                    self.say_once(&format!("{words}\n  waiting for it, to report how the command ended"));
                    self.locate_again();
                    last = words;
                }
                Err(Trouble::Superseded(by)) => {
                    return Reported::Not(format!("the session has ended, and its work goes on in session {by}"));
                }
                Err(Trouble::Ended(words) | Trouble::Final(words)) => return Reported::Not(words),
            }
            let pause = demanded + self.backoff.next();
            if Instant::now() + pause >= deadline {
                return Reported::Not(last);
            }
            sleep(pause).await;
        }
    }

    /// Reports the outcome of the task, then of the session. Both steps can be repeated: they change nothing in one
    /// that already ended that way.
    async fn report_once(&mut self, outcome: &Outcome) -> Result<Uuid, CliError> {
        let registered = self.registration.advance(&self.server).await?;
        let Registered { task, session } = registered;
        let body = match outcome {
            Outcome::Completed => PatchTask { status: Some(TaskStatus::Completed), ..PatchTask::default() },
            Outcome::Failed(why) => {
                PatchTask { status: Some(TaskStatus::Failed), error_message: Some(why.clone()), ..PatchTask::default() }
            }
        };
        match self.server.send(|api| api.update_task(task, &body).within(REQUEST)).await {
            // The command itself may have ended or deleted its task. That is kept.
            Err(CliError::Refused(refused)) if !matches!(refused.code(), "invalid_transition" | "not_found") => {
                return match (refused.code(), self.ended_so(session, outcome).await?) {
                    ("session_ended", true) => Ok(registered.session),
                    _ => Err(refused.into()),
                };
            }
            Err(CliError::Refused(_)) | Ok(_) => {}
            Err(failure) => return Err(failure),
        }
        match outcome {
            Outcome::Completed => {
                // The other tasks of an adopted session would be ended with it.
                let left = self.registration.left_to_do(&self.server).await?;
                let status = if left == 0 { SessionStatus::Completed } else { SessionStatus::Paused };
                if left > 0 {
                    say(&format!(
                        "{left} pending; the session rests until: rekindle run --session {session} -- COMMAND"
                    ));
                }
                let body = PatchSession { status: Some(status), ..PatchSession::default() };
                self.server.send(|api| api.update_session(session, &body).within(REQUEST)).await?;
            }
            Outcome::Failed(why) => {
                let body = MarkFailed { error_message: why.clone(), metadata: None };
                self.server.send(|api| api.mark_session_failed(session, &body).within(REQUEST)).await?;
            }
        }
        Ok(registered.session)
    }

    /// Whether the session has already ended with this outcome: the command itself may have reported it.
    async fn ended_so(&self, session: Uuid, outcome: &Outcome) -> Result<bool, CliError> {
        let found = self.server.send(|api| api.get_session(session).within(REQUEST)).await?.value;
        Ok(found.recovered_into.is_none()
            && match outcome {
                Outcome::Completed => found.status == SessionStatus::Completed,
                Outcome::Failed(_) => found.status == SessionStatus::Failed,
            })
    }
}

/// The result of one step.
enum Step {
    /// The pause before the next step.
    Next(Duration),
    /// The session was recovered into this one.
    Superseded(Uuid),
    /// No further step follows.
    Over,
}
