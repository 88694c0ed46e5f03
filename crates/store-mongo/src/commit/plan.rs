//! A commit as the commands that carry it out, in order: neighbours of one kind on one collection travel together.
//! Made once, run as often as conflicts demand.

use bson::{Document, RawDocumentBuf, doc};
use rekindle_core::machine::Machine;
use rekindle_core::session::Session;
use rekindle_core::store::{Changes, CommitError, Expect, Fence, Put, StoreError, Version, WatchPut, Write};
use rekindle_core::task::Task;
use rekindle_core::values::{SessionId, Timestamp};

use crate::documents::{self, at_version, date, long};
use crate::marks::Marks;
use crate::schema::indexes::name;

/// How many bytes of statements go into one command: the server takes 16 MB, and a reply has to fit as well.
const COMMAND_BYTES: usize = 8 * 1024 * 1024;
/// How many statements go into one command; the server takes 100,000.
const COMMAND_STATEMENTS: usize = 10_000;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Inserts documents.
    Insert,
    /// Changes rows.
    Update,
    /// Deletes rows.
    Delete,
}

/// What a command's count of rows must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// One for each statement: otherwise a row was not as it was expected.
    Each,
    /// One: otherwise the fence fell.
    Fence,
    /// Whatever it is.
    Any,
    /// Whatever it is: so many tasks were deleted.
    Tasks,
}

/// One command to the server.
#[derive(Debug)]
pub struct Batch {
    /// What it does.
    pub verb: Verb,
    /// To which collection.
    pub collection: &'static str,
    /// What its count must be.
    pub demand: Demand,
    /// Its documents, updates or deletes.
    pub statements: Vec<RawDocumentBuf>,
    bytes: usize,
}

/// One step of a commit.
#[derive(Debug)]
pub enum Step {
    /// A command.
    Run(Batch),
    /// Forgets loose events older than this, as many as one commit may.
    Forget(Timestamp),
}

/// The steps of a commit.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The one statement that is the whole commit, if it is one: then the server needs no transaction to do it whole.
    pub fn single(&self) -> Option<&Batch> {
        match self.steps.as_slice() {
            [Step::Run(batch)] if batch.statements.len() == 1 && batch.demand == Demand::Each => Some(batch),
            _ => None,
        }
    }

    /// The steps of these changes.
    pub fn of(changes: &Changes, marks: &Marks) -> Result<Self, CommitError> {
        let mut plan = Self::default();
        if let Some(fence) = changes.fence {
            plan.fence(fence)?;
        }
        for write in &changes.writes {
            match write {
                Write::PutSession(put) => plan.put_session(put, marks)?,
                Write::PutTask(put) => plan.put_task(put, marks)?,
                Write::PutMachine(put) => plan.put_machine(put, marks)?,
                Write::TouchSession(id, revision) => {
                    plan.touch("sessions", doc! { "session_id": id.to_string() }, *revision)?;
                }
                Write::TouchMachine(id, revision) => {
                    plan.touch("machines", doc! { "machine_id": id.as_str() }, *revision)?;
                }
                Write::DeleteSession(id, at) => plan.delete_session(*id, *at)?,
                Write::DeleteTask(id, at) => plan.delete("tasks", doc! { "task_id": id.to_string() }, *at)?,
                Write::DeleteMachine(id, at) => plan.delete("machines", doc! { "machine_id": id.as_str() }, *at)?,
            }
        }
        plan.date_tasks(changes)?;
        for event in &changes.events {
            let document = documents::event::new(event, marks.next());
            plan.add(Verb::Insert, "events", Demand::Each, &document)?;
        }
        if let Some(before) = changes.forget_events_before {
            plan.steps.push(Step::Forget(before));
        }
        if let Some(watch) = &changes.watch {
            plan.watch(watch)?;
        }
        Ok(plan)
    }

    /// The lease is written, not only looked at: so a takeover at the same time conflicts with this commit.
    fn fence(&mut self, fence: Fence) -> Result<(), CommitError> {
        let filter = doc! {
            "_id": fence.duty.as_str(), "token": long(fence.token), "holder": { "$exists": true },
        };
        let update = doc! { "q": filter, "u": { "$inc": { "uses": 1_i64 } } };
        self.add(Verb::Update, "leases", Demand::Fence, &update)
    }

    fn put_session(&mut self, put: &Put<Session>, marks: &Marks) -> Result<(), CommitError> {
        let Some(expected) = Expected::of(put.expect) else {
            let document = documents::session::new(&put.value, marks.next());
            return self.add(Verb::Insert, "sessions", Demand::Each, &document);
        };
        let filter = doc! { "session_id": put.value.id.to_string() };
        self.update("sessions", expected.filter(filter), documents::session::changes(&put.value, expected.version))
    }

    fn put_task(&mut self, put: &Put<Task>, marks: &Marks) -> Result<(), CommitError> {
        let Some(expected) = Expected::of(put.expect) else {
            let document = documents::task::new(&put.value, marks.next());
            return self.add(Verb::Insert, "tasks", Demand::Each, &document);
        };
        // A task has no heartbeat that could be later.
        let expected = Expected { heard_until: None, ..expected };
        let filter = doc! { "task_id": put.value.id.to_string() };
        self.update("tasks", expected.filter(filter), documents::task::changes(&put.value, expected.version))
    }

    fn put_machine(&mut self, put: &Put<Machine>, marks: &Marks) -> Result<(), CommitError> {
        let Some(expected) = Expected::of(put.expect) else {
            let document = documents::machine::new(&put.value, marks.next());
            return self.add(Verb::Insert, "machines", Demand::Each, &document);
        };
        let filter = doc! { "machine_id": put.value.id.as_str() };
        self.update("machines", expected.filter(filter), documents::machine::changes(&put.value, expected.version))
    }

    fn touch(&mut self, collection: &'static str, mut filter: Document, revision: u64) -> Result<(), CommitError> {
        filter.extend(at_version(Version { revision, touches: 0 }));
        filter.remove("touches");
        self.update(collection, filter, doc! { "$inc": { "touches": 1_i64 } })
    }

    fn delete(&mut self, collection: &'static str, filter: Document, at: Version) -> Result<(), CommitError> {
        let filter = Expected { version: at, heard_until: None }.filter(filter);
        self.add(Verb::Delete, collection, Demand::Each, &doc! { "q": filter, "limit": 1, "hint": hint(collection) })
    }

    /// Neighbours share three commands: whose tasks go first makes no difference.
    fn delete_session(&mut self, id: SessionId, at: Version) -> Result<(), CommitError> {
        let text = id.to_string();
        let filter = Expected { version: at, heard_until: None }.filter(doc! { "session_id": &text });
        let own = raw(&doc! { "q": filter, "limit": 1, "hint": hint("sessions") })?;
        let tasks = raw(&doc! { "q": { "session_id": &text }, "limit": 0, "hint": name::SESSION_AND_STATUS })?;
        let events = raw(&doc! { "q": { "kept_with": &text }, "limit": 0 })?;
        if let [.., Step::Run(sessions), Step::Run(of_tasks), Step::Run(of_events)] = self.steps.as_mut_slice()
            && sessions.takes(Verb::Delete, "sessions", Demand::Each, &own)
            && of_tasks.demand == Demand::Tasks
        {
            sessions.push(own);
            of_tasks.push(tasks);
            of_events.push(events);
            return Ok(());
        }
        self.steps.push(Step::Run(Batch::new(Verb::Delete, "sessions", Demand::Each, own)));
        self.steps.push(Step::Run(Batch::new(Verb::Delete, "tasks", Demand::Tasks, tasks)));
        self.steps.push(Step::Run(Batch::new(Verb::Delete, "events", Demand::Any, events)));
        Ok(())
    }

    /// The tasks of a session that ended show when, for the index by which the server deletes what is too old, until the
    /// session is archived.
    fn date_tasks(&mut self, changes: &Changes) -> Result<(), CommitError> {
        for write in &changes.writes {
            let Write::PutSession(put) = write else { continue };
            let Some(ended_at) = put.value.completed_at() else { continue };
            let update = match put.value.archived_at() {
                None => doc! { "$set": { "session_ended_at": date(ended_at) } },
                Some(_) => doc! { "$unset": { "session_ended_at": "" } },
            };
            let filter = doc! { "session_id": put.value.id.to_string() };
            let statement = doc! { "q": filter, "u": update, "multi": true, "hint": name::SESSION_AND_STATUS };
            self.add(Verb::Update, "tasks", Demand::Any, &statement)?;
        }
        Ok(())
    }

    fn watch(&mut self, put: &WatchPut) -> Result<(), CommitError> {
        let fields = |watch: rekindle_core::store::Watch| {
            doc! {
                "looked_at": date(watch.looked_at),
                "due_by": date(watch.due_by),
                "silence_from": date(watch.silence_from),
            }
        };
        let mut named = doc! { "_id": "detector" };
        match put.seen {
            None => {
                named.extend(fields(put.value));
                self.add(Verb::Insert, "watch", Demand::Each, &named)
            }
            Some(seen) => {
                named.extend(fields(seen));
                self.update("watch", named, doc! { "$set": fields(put.value) })
            }
        }
    }

    fn update(&mut self, collection: &'static str, filter: Document, update: Document) -> Result<(), CommitError> {
        self.add(Verb::Update, collection, Demand::Each, &doc! { "q": filter, "u": update, "hint": hint(collection) })
    }

    fn add(
        &mut self,
        verb: Verb,
        collection: &'static str,
        demand: Demand,
        statement: &Document,
    ) -> Result<(), CommitError> {
        let statement = raw(statement)?;
        match self.steps.last_mut() {
            Some(Step::Run(last)) if last.takes(verb, collection, demand, &statement) => last.push(statement),
            _ => self.steps.push(Step::Run(Batch::new(verb, collection, demand, statement))),
        }
        Ok(())
    }
}

impl Batch {
    fn new(verb: Verb, collection: &'static str, demand: Demand, statement: RawDocumentBuf) -> Self {
        let bytes = statement.as_bytes().len();
        Self { verb, collection, demand, statements: vec![statement], bytes }
    }

    fn takes(&self, verb: Verb, collection: &str, demand: Demand, statement: &RawDocumentBuf) -> bool {
        (self.verb, self.collection, self.demand) == (verb, collection, demand)
            && self.statements.len() < COMMAND_STATEMENTS
            && self.bytes + statement.as_bytes().len() <= COMMAND_BYTES
    }

    fn push(&mut self, statement: RawDocumentBuf) {
        self.bytes += statement.as_bytes().len();
        self.statements.push(statement);
    }
}

/// What an update demands of the row that is there.
#[derive(Clone, Copy)]
struct Expected {
    version: Version,
    /// The latest `last_heartbeat` that it may show.
    heard_until: Option<Timestamp>,
}

impl Expected {
    /// None: that there is no such row.
    fn of(expect: Expect) -> Option<Self> {
        match expect {
            Expect::Absent => None,
            Expect::At(version) => Some(Self { version, heard_until: None }),
            Expect::Quiet { at, since } => Some(Self { version: at, heard_until: Some(since) }),
        }
    }

    fn filter(&self, mut filter: Document) -> Document {
        filter.extend(at_version(self.version));
        if let Some(since) = self.heard_until {
            filter.insert("last_heartbeat", doc! { "$lte": date(since) });
        }
        filter
    }
}

/// The index that finds one row of a collection. Named with each statement: a filter that also speaks of the version or of
/// the last heartbeat would make the server try several indexes, each time.
fn hint(collection: &str) -> &'static str {
    match collection {
        "sessions" => name::SESSION,
        "tasks" => name::TASK,
        "machines" => name::MACHINE,
        _ => "_id_",
    }
}

fn raw(document: &Document) -> Result<RawDocumentBuf, CommitError> {
    RawDocumentBuf::try_from(document)
        .map_err(|error| CommitError::Failed(StoreError::Corrupt(format!("cannot be written as BSON: {error}"))))
}

#[cfg(test)]
mod tests;
