//! Events get their positions without a reader, so that the first read of the audit log waits for few.

use bson::doc;
use rekindle_core::Store;
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{AuditFilter, Changes};
use rekindle_mongod::{Case, case};
use rekindle_store_mongo::MongoStore;
use rekindle_testkit::sample::NOON;

use crate::support::{scratch, until};

pub(crate) const CASES: &[Case] =
    &[case!(many_events_get_positions_without_a_reader), case!(first_read_finds_the_latest_of_many_events)];

async fn happen(store: &MongoStore, numbers: std::ops::Range<u64>) {
    let event = |n| Event::new(NOON, EventKind::AccessRefused, Subject::Service).with("n", n);
    store.commit(Changes { events: numbers.map(event).collect(), ..Changes::default() }).await.unwrap();
}

async fn many_events_get_positions_without_a_reader(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        let pending = || async { db.collection("events").count_documents(doc! { "pending": true }).await.unwrap() };
        happen(&store, 0..900).await;
        assert_eq!(pending().await, 900);
        happen(&store, 900..2100).await;
        until(pending, |left| *left == 0).await;
        store.close().await;
    })
    .await;
}

async fn first_read_finds_the_latest_of_many_events(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        for thousand in 0..3 {
            happen(&store, thousand * 1000..(thousand + 1) * 1000).await;
        }
        let found = store.audit_log(&AuditFilter::default(), None, 2).await.unwrap();
        let numbers: Vec<_> = found.iter().map(|found| found.event.detail["n"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [2999, 2998]);
        store.close().await;
    })
    .await;
}
