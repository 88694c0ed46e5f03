//! Connecting: what only an operator can change fails at once, and a server that does not answer is waited for.

use rekindle_core::store::{FindTyped, queries};
use std::path::PathBuf;

use rekindle_core::{Store, StoreError};
use rekindle_mongod::{Case, Shape, binary_case, case};
use rekindle_store_mongo::{ConnectError, MongoOptions, MongoStore};

use crate::support::{nodes, options, refusal, until};

pub(crate) const CASES: &[Case] = &[
    case!(invalid_settings_are_rejected),
    binary_case!(standalone_server_is_rejected),
    binary_case!(other_replica_set_is_rejected),
    binary_case!(late_server_is_waited_for),
];

async fn invalid_settings_are_rejected(uri: String) {
    for address in ["mongodb://host:port/", "mongodb://host/?authMechanism=NONE", "mongodb://u:se@cret:h@:1/"] {
        let refused = refusal(&options(address)).await;
        assert!(matches!(refused, ConnectError::Configuration(_)), "{address}: {refused:?}");
        assert!(!refused.to_string().contains("cret"), "{refused}");
    }
    // With an unescaped password: the driver would take a part of it for a port or an option, and quote it.
    for address in ["mongodb://user:se?cret@db1/", "mongodb://user:1?cret@db1/", "mongodb://us/er:cret@db1/"] {
        let message = refusal(&options(address)).await.to_string();
        assert!(!message.contains("se?") && !message.contains("cret") && message.contains("%3F"), "{message}");
    }
    for database in ["", "a.b", "a b", "admin", &"x".repeat(64)] {
        let refused = refusal(&MongoOptions { database: database.to_owned(), ..options(&uri) }).await;
        assert!(matches!(refused, ConnectError::Configuration(_)), "{database}: {refused:?}");
    }
}

async fn standalone_server_is_rejected(binary: PathBuf) {
    let nodes = nodes(binary, |options| options.shape = Shape::Standalone);
    for parameters in ["", "?replicaSet=rekindle", "?directConnection=true"] {
        let refused = refusal(&options(&format!("mongodb://127.0.0.1:{}/{parameters}", nodes.port(0)))).await;
        assert!(matches!(refused, ConnectError::Standalone { .. }), "{parameters}: {refused:?}");
        assert!(refused.to_string().contains("rs.initiate()"), "{refused}");
    }
}

async fn other_replica_set_is_rejected(binary: PathBuf) {
    let nodes = nodes(binary, |_| ());
    let refused = refusal(&options(&format!("mongodb://127.0.0.1:{}/?replicaSet=other", nodes.port(0)))).await;
    let ConnectError::OtherReplicaSet { theirs, ours, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((theirs.as_str(), ours.as_str()), ("rekindle", "other"));
}

async fn late_server_is_waited_for(binary: PathBuf) {
    let mut nodes = nodes(binary, |_| ());
    nodes.shut_down(0).unwrap();
    let store = MongoStore::connect(options(&nodes.uri())).await.unwrap();
    let Err(StoreError::Unavailable(why)) = store.ping().await else { panic!("nobody is there") };
    assert!(why.contains("127.0.0.1"), "{why}");
    nodes.restart(0).unwrap();
    until(|| store.ping(), Result::is_ok).await.unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().total(), 0);
    store.close().await;
}
