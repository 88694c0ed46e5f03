//! The database of one test, dropped at its end, and what must hold in it then. Shared with the tests in `three_nodes`.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use rekindle_core::domain::event::{EventKind, Subject};
use rekindle_core::{Ids, RandomIds, SessionId, Store};
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::invariants;

use crate::server::{note, until};

/// The time limit of dropping a database, whose servers may be gone already.
const GOODBYE: Duration = Duration::from_secs(10);

/// The number of events that are read at once.
const PAGE: u32 = 1000;

/// A database with a random name. It is dropped with this value.
pub(crate) struct Database {
    pub uri: String,
    pub name: String,
}

impl Database {
    pub(crate) fn at(uri: &str) -> Self {
        Self { uri: uri.to_owned(), name: format!("rekindle_test_{}", RandomIds.new_id().simple()) }
    }

    /// Runs a command on a database of the same servers.
    pub(crate) async fn command(&self, database: &str, command: Document) -> Document {
        Client::with_uri_str(&self.uri).await.unwrap().database(database).run_command(command).await.unwrap()
    }

    /// Returns everything that is broken, each in a sentence: the domain's invariants, and that every session was
    /// recorded exactly once, with one event of its creation.
    pub(crate) async fn broken(&self) -> Vec<String> {
        let options = MongoOptions { database: self.name.clone(), ..MongoOptions::at(self.uri.parse().unwrap()) };
        let store = MongoStore::connect(options).await.unwrap();
        until("the store can be read", || async { store.ping().await.ok() }).await;
        let mut broken = invariants::check(&store).await.unwrap();
        let kinds = kinds(&store).await;
        let once = [EventKind::SessionCreated, EventKind::SessionRecovered];
        for ((kind, session), count) in &kinds {
            if *count > 1 && once.contains(kind) {
                broken.push(format!("session {session} has {count} events {}", kind.as_str()));
            }
        }
        let sessions = self.ids().await;
        for session in &sessions {
            if !kinds.contains_key(&(EventKind::SessionCreated, *session)) {
                broken.push(format!("session {session} has no event of its creation"));
            }
        }
        let created = kinds.keys().filter(|(kind, _)| *kind == EventKind::SessionCreated).count();
        if created != sessions.len() {
            broken.push(format!("{created} sessions were created, and there are {}", sessions.len()));
        }
        note(format!("{} sessions in the end, {} things broken", sessions.len(), broken.len()));
        store.close().await;
        broken
    }

    /// Returns the ids of all sessions, read without the code under test.
    async fn ids(&self) -> Vec<SessionId> {
        let found = self.command(&self.name, doc! { "distinct": "sessions", "key": "session_id" }).await;
        let values = found.get_array("values").unwrap();
        values.iter().map(|id| SessionId(id.as_str().unwrap().parse().unwrap())).collect()
    }
}

/// Counts the events of each kind for each session.
async fn kinds(store: &dyn Store) -> HashMap<(EventKind, SessionId), usize> {
    let mut kinds = HashMap::new();
    let mut after = None;
    loop {
        let events = store.events(after.as_ref(), PAGE).await.unwrap();
        let Some(last) = events.last() else { return kinds };
        after = Some(last.position.clone());
        for recorded in events {
            if let Subject::Session(session) = recorded.event.subject {
                *kinds.entry((recorded.event.kind, session)).or_default() += 1;
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // In a thread of its own, since a thread of the runtime must not block.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::with_uri_str(&uri).await.unwrap();
                let database = client.database(&name);
                tokio::time::timeout(GOODBYE, async { database.drop().await }).await
            })
        });
        drop(dropped.join());
    }
}
