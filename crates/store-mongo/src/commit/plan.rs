//! A commit as the commands that carry it out, in order: neighbouring statements of one kind on one collection share a
//! command. A plan is made once, and run again after conflicts.

pub(crate) mod batch;
mod ttl_stamps;

use bson::{Document, doc};
use rekindle_core::store::{
    Changes, CommitError, DetectorStateUpdate, Expect, Fence, Put, StoredEntity, StoredResponse, Version, Write,
};
use rekindle_core::values::{SessionId, Timestamp};
use uuid::Uuid;

use self::batch::{Batch, Expectation, StatementKind, raw};
use crate::documents::{at_version, date, event, key, long, machine, session, set_version, stored_response, task};
use crate::ordered_ids::OrderedIds;
use crate::schema::indexes::name;

#[derive(Debug)]
pub(crate) enum Step {
    /// Runs a command.
    Run(Batch),
    /// Stamps the tasks of these sessions with the end of their session, as it is stored by then.
    StampTasks(Vec<SessionId>),
    /// Deletes events of no session that are older than this, up to the limit of one commit.
    PurgeEvents(Timestamp),
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// Returns the one statement that is the whole commit, if it is one: the server applies it atomically without a
    /// transaction.
    pub(crate) fn single(&self) -> Option<&Batch> {
        match self.steps.as_slice() {
            [Step::Run(batch)] if batch.statements.len() == 1 => {
                matches!(batch.expectation, Expectation::Each | Expectation::StoredResponse).then_some(batch)
            }
            _ => None,
        }
    }

    /// Returns the plan of these changes.
    pub(crate) fn of(changes: &Changes, ordered_ids: &OrderedIds) -> Result<Self, CommitError> {
        let mut plan = Self::default();
        if let Some(fence) = changes.fence {
            plan.fence(fence)?;
        }
        if let Some(response) = &changes.stored_response {
            plan.store_response(response)?;
        }
        for write in &changes.writes {
            match write {
                Write::PutSession(Put { value, expect }) => {
                    let (new, update) = (|mark| session::new(value, mark), |at| session::changes(value, at));
                    plan.put(
                        "sessions",
                        doc! { "session_id": value.id.to_string() },
                        *expect,
                        ordered_ids,
                        new,
                        update,
                    )?;
                }
                Write::PutTask(Put { value, expect }) => {
                    let (new, update) = (|mark| task::new(value, mark), |at| task::changes(value, at));
                    plan.put("tasks", doc! { "task_id": value.id.to_string() }, *expect, ordered_ids, new, update)?;
                }
                Write::PutMachine(Put { value, expect }) => {
                    let (new, update) = (|mark| machine::new(value, mark), |at| machine::changes(value, at));
                    plan.put("machines", doc! { "machine_id": value.id.as_str() }, *expect, ordered_ids, new, update)?;
                }
                Write::PutKey(Put { value, expect }) => {
                    let (new, update) = (|mark| key::new(value, mark), |at| key::changes(value, at));
                    plan.put("api_keys", doc! { "_id": value.id.to_string() }, *expect, ordered_ids, new, update)?;
                }
                Write::Restore(row) => plan.restore(row, ordered_ids.next())?,
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
        plan.stamp_tasks(changes)?;
        for happened in &changes.events {
            let document = event::new(happened, ordered_ids.next());
            plan.add(StatementKind::Insert, "events", Expectation::Each, &document)?;
        }
        if let Some(before) = changes.purge_events_before {
            plan.steps.push(Step::PurgeEvents(before));
        }
        if let Some(update) = &changes.detector_state {
            plan.put_detector_state(update)?;
        }
        Ok(plan)
    }

    /// Writes the lease instead of only reading it: a claim at the same time then conflicts with this commit.
    fn fence(&mut self, fence: Fence) -> Result<(), CommitError> {
        let filter = doc! {
            "_id": fence.duty.as_str(), "token": long(fence.token), "holder": { "$exists": true },
        };
        let update = doc! { "q": filter, "u": { "$inc": { "uses": 1_i64 } } };
        self.add(StatementKind::Update, "leases", Expectation::Fence, &update)
    }

    /// Replaces an expired response. An unexpired one does not match the filter, and the upsert then inserts a second
    /// document with its `_id`, which the server rejects: of two such commits at the same time only one succeeds.
    fn store_response(&mut self, response: &StoredResponse) -> Result<(), CommitError> {
        let filter = doc! { "_id": stored_response::id(&response.key), "until": { "$lte": date(response.at) } };
        let set = doc! { "$set": stored_response::fields(response) };
        let statement = doc! { "q": filter, "u": set, "upsert": true, "hint": hint("answers") };
        self.add(StatementKind::Update, "answers", Expectation::StoredResponse, &statement)
    }

    fn put(
        &mut self,
        collection: &'static str,
        key: Document,
        expect: Expect,
        ordered_ids: &OrderedIds,
        new: impl Fn(Uuid) -> Document,
        update: impl Fn(Version) -> Document,
    ) -> Result<(), CommitError> {
        match RowCondition::of(expect, collection) {
            None => self.add(StatementKind::Insert, collection, Expectation::Each, &new(ordered_ids.next())),
            Some(condition) => self.update(collection, condition.filter(key), update(condition.version)),
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
        let filter = RowCondition { version: at, last_heartbeat_until: None }.filter(filter);
        self.add(
            StatementKind::Delete,
            collection,
            Expectation::Each,
            &doc! { "q": filter, "limit": 1, "hint": hint(collection) },
        )
    }

    /// Neighbouring deletions share three commands: their order among themselves does not matter.
    fn delete_session(&mut self, id: SessionId, at: Version) -> Result<(), CommitError> {
        let text = id.to_string();
        let filter = RowCondition { version: at, last_heartbeat_until: None }.filter(doc! { "session_id": &text });
        let own = raw(&doc! { "q": filter, "limit": 1, "hint": hint("sessions") })?;
        let tasks = raw(&doc! { "q": { "session_id": &text }, "limit": 0, "hint": name::SESSION_AND_STATUS })?;
        let events = raw(&doc! { "q": { "kept_with": &text }, "limit": 0 })?;
        if let [.., Step::Run(sessions), Step::Run(of_tasks), Step::Run(of_events)] = self.steps.as_mut_slice()
            && sessions.accepts(StatementKind::Delete, "sessions", Expectation::Each, &own)
            && of_tasks.expectation == Expectation::Tasks
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

    fn put_detector_state(&mut self, put: &DetectorStateUpdate) -> Result<(), CommitError> {
        let fields = |put_detector_state: rekindle_core::store::DetectorState| {
            doc! {
                "looked_at": date(put_detector_state.last_pass_at),
                "due_by": date(put_detector_state.next_pass_due),
                "silence_from": date(put_detector_state.grace_until),
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
        kind: StatementKind,
        collection: &'static str,
        expectation: Expectation,
        statement: &Document,
    ) -> Result<(), CommitError> {
        let statement = raw(statement)?;
        match self.steps.last_mut() {
            Some(Step::Run(last)) if last.accepts(kind, collection, expectation, &statement) => last.push(statement),
            _ => self.steps.push(Step::Run(Batch::new(kind, collection, expectation, statement))),
        }
        Ok(())
    }
}

/// What a statement demands of the existing row.
#[derive(Clone, Copy)]
struct RowCondition {
    version: Version,
    /// The latest `last_heartbeat` that the row may have.
    last_heartbeat_until: Option<Timestamp>,
}

impl RowCondition {
    /// Returns `None` when the row must not exist.
    fn of(expect: Expect, collection: &str) -> Option<Self> {
        // Other entities have no heartbeat.
        let has_heartbeat = matches!(collection, "sessions" | "machines");
        match expect {
            Expect::Absent => None,
            Expect::At(version) => Some(Self { version, last_heartbeat_until: None }),
            Expect::NoHeartbeatSince { at, since } => {
                Some(Self { version: at, last_heartbeat_until: has_heartbeat.then_some(since) })
            }
        }
    }

    fn filter(&self, mut filter: Document) -> Document {
        filter.extend(at_version(self.version));
        if let Some(since) = self.last_heartbeat_until {
            filter.insert("last_heartbeat", doc! { "$lte": date(since) });
        }
        filter
    }
}

/// Returns the index that finds one row of a collection. Every statement names it: with a filter on the version or the
/// last heartbeat the server would otherwise try several indexes each time.
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
