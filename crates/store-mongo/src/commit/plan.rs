//! A commit as the commands that carry it out, in order: neighbouring statements of one kind on one collection share a
//! command. A plan is made once, and run again after conflicts.

pub(crate) mod batch;
mod ttl_stamps;

use bson::{Document, doc};
use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    AnyEntity, Changes, CommitError, DetectorState, DetectorStateUpdate, Entity, Expect, Fence, Key, Put,
    StoredResponse, Version, Write,
};
use rekindle_core::values::{SessionId, Timestamp};
use rekindle_records::{Declaration, RecordType};
use uuid::Uuid;

use self::batch::{Batch, Expectation, StatementKind, raw};
use crate::documents::record::{self, Parts, key_filter};
use crate::documents::{at_version, date, event, long};
use crate::indexes::index_that_serves;
use crate::indexes::{IDS, name};
use crate::kinds::Kinds;
use crate::ordered_ids::OrderedIds;

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
    pub(crate) fn of(changes: &Changes, ordered_ids: &OrderedIds, kinds: &Kinds) -> Result<Self, CommitError> {
        let mut plan = Self::default();
        if let Some(fence) = changes.fence {
            plan.fence(fence)?;
        }
        if let Some(response) = &changes.stored_response {
            plan.store_response(response)?;
        }
        for write in &changes.writes {
            match write {
                Write::Put(put) => plan.put(put, ordered_ids, kinds)?,
                Write::Restore(row) => {
                    plan.insert(kinds.get(row.value.kind())?, &row.value, ordered_ids.next(), row.version)?;
                }
                Write::Touch(record, revision) => {
                    let declaration = kinds.get(record.kind)?.declaration();
                    let mut filter = key_filter(declaration, &record.key);
                    filter.extend(at_version(Version { revision: *revision, touches: 0 }));
                    filter.remove("touches");
                    plan.update(declaration, filter, doc! { "$inc": { "touches": 1_i64 } })?;
                }
                Write::Delete(record, at) => match &record.key {
                    Key::Uuid(id) if record.kind == Session::KIND => plan.delete_session(SessionId(*id), *at)?,
                    key @ (Key::Uuid(_) | Key::Text(_) | Key::Bytes(_)) => {
                        plan.delete(kinds.get(record.kind)?.declaration(), key, *at)?;
                    }
                },
            }
        }
        plan.stamp_tasks(changes)?;
        for happened in &changes.events {
            let document = event::new(happened, ordered_ids.next())?;
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
            "_id": fence.lease.as_str(), "token": long(fence.token), "holder": { "$exists": true },
        };
        let update = doc! { "q": filter, "u": { "$inc": { "uses": 1_i64 } } };
        self.add(StatementKind::Update, "leases", Expectation::Fence, &update)
    }

    /// Replaces an expired response. An unexpired one does not match the filter, and the upsert then inserts a second
    /// document with its `_id`, which the server rejects: of two such commits at the same time only one succeeds.
    fn store_response(&mut self, response: &StoredResponse) -> Result<(), CommitError> {
        let (id, fields) = record::stored_response(response)?;
        let filter = doc! { "_id": id, "until": { "$lte": date(response.at) } };
        let statement = doc! { "q": filter, "u": { "$set": fields }, "upsert": true, "hint": IDS };
        self.add(StatementKind::Update, "answers", Expectation::StoredResponse, &statement)
    }

    fn put(&mut self, Put { value, expect }: &Put, ordered_ids: &OrderedIds, kinds: &Kinds) -> Result<(), CommitError> {
        let kind = kinds.get(value.kind())?;
        let declaration = kind.declaration();
        match RowCondition::of(*expect, declaration) {
            None => self.insert(kind, value, ordered_ids.next(), Version::FIRST),
            Some(condition) => {
                let update = Parts::of(kind, value)?.update(condition.version);
                self.update(declaration, condition.filter(key_filter(declaration, &value.record_key().key)), update)
            }
        }
    }

    fn insert(
        &mut self,
        kind: &dyn RecordType,
        value: &AnyEntity,
        mark: Uuid,
        version: Version,
    ) -> Result<(), CommitError> {
        let document = Parts::of(kind, value)?.new_document(kind.declaration(), mark, version);
        self.add(StatementKind::Insert, kind.declaration().name, Expectation::Each, &document)
    }

    fn delete(&mut self, declaration: &'static Declaration, key: &Key, at: Version) -> Result<(), CommitError> {
        let filter = RowCondition { version: at, heard_until: None }.filter(key_filter(declaration, key));
        let statement = doc! { "q": filter, "limit": 1, "hint": index_that_serves(declaration, "")?.name };
        self.add(StatementKind::Delete, declaration.name, Expectation::Each, &statement)
    }

    /// Neighbouring deletions share three commands: their order among themselves does not matter.
    fn delete_session(&mut self, id: SessionId, at: Version) -> Result<(), CommitError> {
        let text = id.to_string();
        let filter = RowCondition { version: at, heard_until: None }.filter(doc! { "session_id": &text });
        let own = raw(&doc! { "q": filter, "limit": 1, "hint": name::SESSION })?;
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
        let fields = |state: &DetectorState| Parts::of_record(state).map(|parts| parts.document(|_| true));
        let mut named = doc! { "_id": "detector" };
        match &put.seen {
            None => {
                named.extend(fields(&put.value)?);
                self.add(StatementKind::Insert, "watch", Expectation::Each, &named)
            }
            Some(seen) => {
                named.extend(fields(seen)?);
                let statement = doc! { "q": named, "u": { "$set": fields(&put.value)? }, "hint": IDS };
                self.add(StatementKind::Update, "watch", Expectation::Each, &statement)
            }
        }
    }

    fn update(
        &mut self,
        declaration: &'static Declaration,
        filter: Document,
        update: Document,
    ) -> Result<(), CommitError> {
        // With a filter on the version or the last heartbeat the server would otherwise try several indexes each time.
        let statement = doc! { "q": filter, "u": update, "hint": index_that_serves(declaration, "")?.name };
        self.add(StatementKind::Update, declaration.name, Expectation::Each, &statement)
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
    /// The field of the last heartbeat, and the latest time that it may have.
    heard_until: Option<(&'static str, Timestamp)>,
}

impl RowCondition {
    /// Returns `None` when the row must not exist.
    fn of(expect: Expect, declaration: &Declaration) -> Option<Self> {
        match expect {
            Expect::Absent => None,
            Expect::At(version) => Some(Self { version, heard_until: None }),
            Expect::NoHeartbeatSince { at, since } => {
                let heartbeat = declaration.latest_field().map(|field| (field.document_name, since));
                Some(Self { version: at, heard_until: heartbeat })
            }
        }
    }

    fn filter(&self, mut filter: Document) -> Document {
        filter.extend(at_version(self.version));
        if let Some((heartbeat, since)) = self.heard_until {
            filter.insert(heartbeat, doc! { "$lte": date(since) });
        }
        filter
    }
}

#[cfg(test)]
mod tests;
