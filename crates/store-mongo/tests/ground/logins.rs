//! Users that the server does not know, and users with too few rights.

use std::path::PathBuf;

use bson::doc;
use rekindle_core::Store;
use rekindle_mongod::{Case, binary_case};
use rekindle_store_mongo::{ConnectError, MongoOptions};

use crate::support::{nodes, open, options, refusal};

pub(crate) const CASES: &[Case] = &[binary_case!(missing_right_is_named)];

async fn missing_right_is_named(binary: PathBuf) {
    let nodes = nodes(binary, |options| options.user = Some(("root".to_owned(), "s3cret".to_owned())));
    let right = options(&nodes.uri());
    let with = |user: &str, password: &str| {
        let uri = format!("mongodb://{user}:{password}@127.0.0.1:{}/?replicaSet=rekindle", nodes.port(0));
        MongoOptions { database: right.database.clone(), ..options(&uri) }
    };

    for (user, password) in [("root", "wr0ng"), ("nobody", "s3cret")] {
        let refused = refusal(&with(user, password)).await;
        assert!(matches!(refused, ConnectError::Refused { .. }), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains(password), "{refused}");
    }

    for (user, role) in [("none", None), ("reader", Some("read")), ("writer", Some("readWrite"))] {
        let roles: Vec<_> = role.map(|role| doc! { "role": role, "db": &right.database }).into_iter().collect();
        nodes.command(0, doc! { "createUser": user, "pwd": "s3cret", "roles": roles }).unwrap();
    }
    for user in ["none", "reader"] {
        let refused = refusal(&with(user, "s3cret")).await;
        assert!(matches!(refused, ConnectError::Forbidden { .. }), "{user}: {refused:?}");
        assert!(refused.to_string().contains("dbAdmin"), "{refused}");
    }

    // Once the database is prepared, readWrite is enough; a change of the schema needs more.
    let store = open(&right).await;
    store.close().await;
    let store = open(&with("writer", "s3cret")).await;
    store.close().await;
    let other = MongoOptions { retention_days: 7, ..with("writer", "s3cret") };
    let refused = refusal(&other).await;
    assert!(matches!(refused, ConnectError::Forbidden { .. }), "{refused:?}");
}
