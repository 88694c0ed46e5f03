//! A commit as the commands that carry it out, in order: neighbours of one kind on one collection travel together.
//! Made once, run as often as conflicts demand.

mod batch;
mod ttl_stamps;

use batch::raw;
pub use batch::{Batch, Expectation, StatementKind};
use bson::{Document, doc};
use rekindle_core::store::{
    Changes, CommitError, DetectorStateUpdate, Expect, Fence, Put, StoredEntity, StoredResponse, Version, Write,
};
use rekindle_core::values::{SessionId, Timestamp};
use uuid::Uuid;

use crate::documents::{at_version, date, event, key, long, machine, session, set_version, stored_response, task};
use crate::ordered_ids::OrderedIds;
use crate::schema::indexes::name;

/// One step of a commit.
#[derive(Debug)]
pub enum Step {
    /// A command.
    Run(Batch),
    /// Dates the tasks of these sessions by when they ended, as they are stored by then.
    Date(Vec<SessionId>),
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
            [Step::Run(batch)] if batch.statements.len() == 1 => {
                matches!(batch.demand, Expectation::Each | Expectation::Answer).then_some(batch)
            }
            _ => None,
        }
    }

    /// The steps of these changes.
    pub fn of(changes: &Changes, marks: &OrderedIds) -> Result<Self, CommitError> {
        let mut plan = Self::default();
        if let Some(fence) = changes.fence {
            plan.fence(fence)?;
        }
        if let Some(answer) = &changes.stored_response {
            plan.remember(answer)?;
        }
        for write in &changes.writes {
            match write {
                Write::PutSession(Put { value, expect }) => {
                    let (new, changed) = (|mark| session::new(value, mark), |at| session::changes(value, at));
                    plan.put("sessions", doc! { "session_id": value.id.to_string() }, *expect, marks, new, changed)?;
                }
                Write::PutTask(Put { value, expect }) => {
                    let (new, changed) = (|mark| task::new(value, mark), |at| task::changes(value, at));
                    plan.put("tasks", doc! { "task_id": value.id.to_string() }, *expect, marks, new, changed)?;
                }
                Write::PutMachine(Put { value, expect }) => {
                    let (new, changed) = (|mark| machine::new(value, mark), |at| machine::changes(value, at));
                    plan.put("machines", doc! { "machine_id": value.id.as_str() }, *expect, marks, new, changed)?;
                }
                Write::PutKey(Put { value, expect }) => {
                    let (new, changed) = (|mark| key::new(value, mark), |at| key::changes(value, at));
                    plan.put("api_keys", doc! { "_id": value.id.to_string() }, *expect, marks, new, changed)?;
                }
                Write::Restore(row) => plan.restore(row, marks.next())?,
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
        for happened in &changes.events {
            let document = event::new(happened, marks.next());
            plan.add(StatementKind::Insert, "events", Expectation::Each, &document)?;
        }
        if let Some(before) = changes.purge_events_before {
            plan.steps.push(Step::Forget(before));
        }
        if let Some(watch) = &changes.detector_state {
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
        self.add(StatementKind::Update, "leases", Expectation::Fence, &update)
    }

    /// Takes the place of an answer whose time was over. One that stands does not match, and an upsert then tries to make
    /// a second document with its `_id`, which the server refuses: no two get through, however they come together.
    fn remember(&mut self, remembered: &StoredResponse) -> Result<(), CommitError> {
        let filter = doc! { "_id": stored_response::id(&remembered.key), "until": { "$lte": date(remembered.at) } };
        let set = doc! { "$set": stored_response::fields(remembered) };
        let statement = doc! { "q": filter, "u": set, "upsert": true, "hint": hint("answers") };
        self.add(StatementKind::Update, "answers", Expectation::Answer, &statement)
    }

    fn put(
        &mut self,
        collection: &'static str,
        own: Document,
        expect: Expect,
        marks: &OrderedIds,
        new: impl Fn(Uuid) -> Document,
        changed: impl Fn(Version) -> Document,
    ) -> Result<(), CommitError> {
        match Expected::of(expect, collection) {
            None => self.add(StatementKind::Insert, collection, Expectation::Each, &new(marks.next())),
            Some(expected) => self.update(collection, expected.filter(own), changed(expected.version)),
        }
    }

    fn restore(&mut self, row: &StoredEntity, mark: Uuid) -> Result<(), CommitError> {
        let (collection, mut document, version) = match row {
            StoredEntity::Session(row) => ("sessions", session::new(&row.value, mark), row.version),
            StoredEntity::Task(row) => ("tasks", task::new(&row.value, mark), row.version),
            StoredEntity::Machine(row) => ("machines", machine::new(&row.value, mark), row.version),
            StoredEntity::Key(row) => ("api_keys", key::new(&row.value, mark), row.version),
        };
        set_version(&mut document, version);
        self.add(StatementKind::Insert, collection, Expectation::Each, &document)
    }

    fn touch(&mut self, collection: &'static str, mut filter: Document, revision: u64) -> Result<(), CommitError> {
        filter.extend(at_version(Version { revision, touches: 0 }));
        filter.remove("touches");
        self.update(collection, filter, doc! { "$inc": { "touches": 1_i64 } })
    }

    fn delete(&mut self, collection: &'static str, filter: Document, at: Version) -> Result<(), CommitError> {
        let filter = Expected { version: at, heard_until: None }.filter(filter);
        self.add(
            StatementKind::Delete,
            collection,
            Expectation::Each,
            &doc! { "q": filter, "limit": 1, "hint": hint(collection) },
        )
    }

    /// Neighbours share three commands: whose tasks go first makes no difference.
    fn delete_session(&mut self, id: SessionId, at: Version) -> Result<(), CommitError> {
        let text = id.to_string();
        let filter = Expected { version: at, heard_until: None }.filter(doc! { "session_id": &text });
        let own = raw(&doc! { "q": filter, "limit": 1, "hint": hint("sessions") })?;
        let tasks = raw(&doc! { "q": { "session_id": &text }, "limit": 0, "hint": name::SESSION_AND_STATUS })?;
        let events = raw(&doc! { "q": { "kept_with": &text }, "limit": 0 })?;
        if let [.., Step::Run(sessions), Step::Run(of_tasks), Step::Run(of_events)] = self.steps.as_mut_slice()
            && sessions.takes(StatementKind::Delete, "sessions", Expectation::Each, &own)
            && of_tasks.demand == Expectation::Tasks
        {
            sessions.push(own);
            of_tasks.push(tasks);
            of_events.push(events);
            return Ok(());
        }
        self.steps.push(Step::Run(Batch::new(StatementKind::Delete, "sessions", Expectation::Each, own)));
        self.steps.push(Step::Run(Batch::new(StatementKind::Delete, "tasks", Expectation::Tasks, tasks)));
        self.steps.push(Step::Run(Batch::new(StatementKind::Delete, "events", Expectation::Any, events)));
        Ok(())
    }

    fn watch(&mut self, put: &DetectorStateUpdate) -> Result<(), CommitError> {
        let fields = |watch: rekindle_core::store::DetectorState| {
            doc! {
                "looked_at": date(watch.last_pass_at),
                "due_by": date(watch.next_pass_due),
                "silence_from": date(watch.grace_until),
            }
        };
        let mut named = doc! { "_id": "detector" };
        match put.seen {
            None => {
                named.extend(fields(put.value));
                self.add(StatementKind::Insert, "watch", Expectation::Each, &named)
            }
            Some(seen) => {
                named.extend(fields(seen));
                self.update("watch", named, doc! { "$set": fields(put.value) })
            }
        }
    }

    fn update(&mut self, collection: &'static str, filter: Document, update: Document) -> Result<(), CommitError> {
        self.add(
            StatementKind::Update,
            collection,
            Expectation::Each,
            &doc! { "q": filter, "u": update, "hint": hint(collection) },
        )
    }

    fn add(
        &mut self,
        verb: StatementKind,
        collection: &'static str,
        demand: Expectation,
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

/// What an update demands of the row that is there.
#[derive(Clone, Copy)]
struct Expected {
    version: Version,
    /// The latest `last_heartbeat` that it may show.
    heard_until: Option<Timestamp>,
}

impl Expected {
    /// None: that there is no such row.
    fn of(expect: Expect, collection: &str) -> Option<Self> {
        // Nothing else has a heartbeat that could be later.
        let beats = matches!(collection, "sessions" | "machines");
        match expect {
            Expect::Absent => None,
            Expect::At(version) => Some(Self { version, heard_until: None }),
            Expect::NoHeartbeatSince { at, since } => Some(Self { version: at, heard_until: beats.then_some(since) }),
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

#[cfg(test)]
mod tests;
