//! The note of what runs.

use std::fs;

use rekindle_mongod::RunningNode;

use super::{Noted, alone};

fn noted(dbpath: std::path::PathBuf) -> Noted {
    // This process lives, and is no mongod.
    let node = RunningNode { pid: std::process::id(), port: 20_001, dbpath };
    Noted { uri: "mongodb://127.0.0.1:20001/?replicaSet=rekindle".to_owned(), nodes: vec![node] }
}

#[test]
fn what_is_noted_is_read_again() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(Noted::read(place.path()).unwrap(), None);
    let noted = noted("/somewhere/nodes-x/0".into());
    noted.write(place.path()).unwrap();
    assert_eq!(Noted::read(place.path()).unwrap(), Some(noted));
    fs::write(Noted::file(place.path()), "{}").unwrap();
    assert!(Noted::read(place.path()).is_err());
}

#[test]
fn a_stranger_with_a_noted_number_does_not_run_and_is_not_ended() {
    let place = tempfile::tempdir().unwrap();
    let dbpath = place.path().join("nodes-x/0");
    fs::create_dir_all(&dbpath).unwrap();
    let noted = noted(dbpath.clone());
    noted.write(place.path()).unwrap();
    assert!(!noted.runs());
    assert_eq!(noted.end(place.path()).unwrap(), 0);
    assert!(!dbpath.exists() && Noted::read(place.path()).unwrap().is_none());
}

#[test]
fn a_folder_elsewhere_is_not_removed() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dbpath = elsewhere.path().join("nodes-x/0");
    fs::create_dir_all(&dbpath).unwrap();
    let noted = noted(dbpath.clone());
    noted.write(place.path()).unwrap();
    noted.end(place.path()).unwrap();
    assert!(dbpath.exists());
}

#[test]
fn only_one_changes_what_runs() {
    let place = tempfile::tempdir().unwrap();
    let first = alone(place.path()).unwrap();
    assert!(alone(place.path()).is_err());
    drop(first);
    alone(place.path()).unwrap();
}
