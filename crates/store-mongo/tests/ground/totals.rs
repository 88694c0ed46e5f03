//! Totals: exact while they are small, never long out of date when they are large.

use bson::doc;
use rekindle_core::Store;
use rekindle_core::store::{FindTyped, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter, queries};
use rekindle_mongod::{Case, case};

use crate::support::{Scratch, scratch, session, task, until};

pub(crate) const CASES: &[Case] = &[case!(large_total_is_counted_again_after_inserts)];

const PAGE: PageRequest = PageRequest { limit: 1, start: Start::Offset(0) };

async fn insert(db: &Scratch, numbers: std::ops::Range<u64>) {
    let all: Vec<_> = numbers.map(doc_of).collect();
    for some in all.chunks(2000) {
        db.collection("sessions").insert_many(some).await.unwrap();
    }
}

fn doc_of(n: u64) -> bson::Document {
    let mut session = session(n);
    session.insert("project_id", if n < 10 { "few" } else { "many" });
    session.insert("machine_id", format!("m{n}"));
    session
}

async fn large_total_is_counted_again_after_inserts(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        insert(&db, 1..10_101).await;
        let store = &store;
        let total =
            |filter: SessionFilter| async move { store.read(queries::sessions(&filter, PAGE)).await.unwrap().total };
        let of =
            |project: &str| SessionFilter { project_id: Some(project.parse().unwrap()), ..SessionFilter::default() };
        assert_eq!(total(SessionFilter::default()).await, 10_100);
        assert_eq!(store.read(queries::counts()).await.unwrap().active, 10_100);
        assert_eq!(total(of("few")).await, 9);
        insert(&db, 10_101..10_111).await;
        db.collection("sessions").delete_one(doc! { "project_id": "few" }).await.unwrap();
        assert_eq!(total(of("few")).await, 8, "a small number is always that of the moment");
        until(|| total(SessionFilter::default()), |total| *total == 10_109).await;
        assert_eq!(total(of("many")).await, 10_101, "each filter has a number of its own");
        db.collection("tasks").insert_one(task(20_000)).await.unwrap();
        assert_eq!(store.read(queries::tasks(&TaskFilter::default(), PAGE)).await.unwrap().total, 1);
        assert_eq!(store.read(queries::machines(&MachineFilter::default(), PAGE)).await.unwrap().total, 0);
        store.close().await;
    })
    .await;
}
