//! The file that names the running nodes.

use std::fs;

use rekindle_mongod::RunningNode;

use super::{RunningCluster, lock};

fn cluster(dbpath: std::path::PathBuf) -> RunningCluster {
    // This process runs and is no mongod.
    let node = RunningNode { pid: std::process::id(), port: 20_001, dbpath };
    RunningCluster { uri: "mongodb://127.0.0.1:20001/?replicaSet=rekindle".to_owned(), nodes: vec![node] }
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(RunningCluster::read(place.path()).unwrap(), None);
    let cluster = cluster("/somewhere/nodes-x/0".into());
    cluster.write(place.path()).unwrap();
    assert_eq!(RunningCluster::read(place.path()).unwrap(), Some(cluster));
    fs::write(RunningCluster::file(place.path()), "{}").unwrap();
    assert!(RunningCluster::read(place.path()).is_err());
}

#[test]
fn another_process_with_the_same_id_is_not_ended() {
    let place = tempfile::tempdir().unwrap();
    let dbpath = place.path().join("nodes-x/0");
    fs::create_dir_all(&dbpath).unwrap();
    let cluster = cluster(dbpath.clone());
    cluster.write(place.path()).unwrap();
    assert!(!cluster.runs());
    assert_eq!(cluster.end(place.path()).unwrap(), 0);
    assert!(!dbpath.exists() && RunningCluster::read(place.path()).unwrap().is_none());
}

#[test]
fn a_folder_elsewhere_is_not_removed() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dbpath = elsewhere.path().join("nodes-x/0");
    fs::create_dir_all(&dbpath).unwrap();
    let cluster = cluster(dbpath.clone());
    cluster.write(place.path()).unwrap();
    cluster.end(place.path()).unwrap();
    assert!(dbpath.exists());
}

#[test]
fn a_second_process_is_locked_out() {
    let place = tempfile::tempdir().unwrap();
    let first = lock(place.path()).unwrap();
    assert!(lock(place.path()).is_err());
    drop(first);
    lock(place.path()).unwrap();
}
