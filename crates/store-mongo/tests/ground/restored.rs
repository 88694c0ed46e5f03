//! Tasks that were restored from another store expire as those that were made here: stamped with the end of their
//! session, whichever was restored first.

use bson::{Document, doc};
use rekindle_core::Session;
use rekindle_core::domain::session::{Ended, Outcome, Phase};
use rekindle_core::store::{Changes, Store, Version, Versioned, Write};
use rekindle_mongod::{Case, case};
use rekindle_store_mongo::MongoStore;
use rekindle_testkit::sample::{self, NOON};

use crate::support::{Scratch, scratch};

pub(crate) const CASES: &[Case] = &[case!(restored_tasks_are_stamped_with_the_end_of_their_session)];

fn ended(n: u64, archived: bool) -> Session {
    let archived_at = archived.then_some(NOON);
    Session { phase: Phase::Ended(Ended { at: NOON, outcome: Outcome::Completed, archived_at }), ..sample::session(n) }
}

async fn restore(store: &MongoStore, writes: Vec<Write>) {
    store.commit(Changes { writes, ..Changes::default() }).await.unwrap();
}

fn row(session: &Session) -> Write {
    Write::restore(Versioned { value: session.clone(), version: Version::FIRST })
}

fn task(n: u64, session: &Session) -> Write {
    Write::restore(Versioned { value: sample::task(100 + n, session), version: Version::FIRST })
}

/// Returns which of the tasks are stamped.
async fn stamped(db: &Scratch) -> Vec<u64> {
    let mut stamped = Vec::new();
    for n in 1..=5 {
        let task: Document = db
            .collection("tasks")
            .find_one(doc! { "task_id": sample::uuid(100 + n).to_string() })
            .await
            .unwrap()
            .unwrap();
        if let Ok(at) = task.get_datetime("session_ended_at") {
            assert_eq!(at.timestamp_millis(), NOON.millis());
            stamped.push(n);
        }
    }
    stamped
}

async fn restored_tasks_are_stamped_with_the_end_of_their_session(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        let sessions = [ended(1, false), ended(2, false), ended(3, false), ended(4, true), sample::session(5)];
        let [first, second, third, archived, live] = &sessions;
        restore(&store, vec![row(first)]).await;
        restore(&store, vec![task(1, first), task(2, second)]).await;
        assert_eq!(dated_so_far(&db).await, 1);
        restore(&store, vec![row(second), row(third), row(archived), row(live), task(3, third)]).await;
        restore(&store, vec![task(4, archived), task(5, live)]).await;
        assert_eq!(stamped(&db).await, [1, 2, 3]);
        store.close().await;
    })
    .await;
}

async fn dated_so_far(db: &Scratch) -> u64 {
    db.collection("tasks").count_documents(doc! { "session_ended_at": { "$exists": true } }).await.unwrap()
}
