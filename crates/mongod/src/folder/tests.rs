//! Which folders are removed, and when.

use std::fs;

use super::{Folder, OWNER_LOCK};

#[test]
fn folder_is_removed_with_its_owner() {
    let parent = tempfile::tempdir().unwrap();
    let one = Folder::below(parent.path()).unwrap();
    let two = Folder::below(parent.path()).unwrap();
    assert!(one.path().is_dir(), "the sweep took a folder whose owner lives");
    let (one_path, two_path) = (one.path().to_owned(), two.path().to_owned());
    drop(one);
    assert!(!one_path.exists() && two_path.exists());
}

#[test]
fn folder_of_a_killed_owner_is_removed_and_a_kept_one_is_not() {
    let parent = tempfile::tempdir().unwrap();
    let abandoned = parent.path().join("nodes-orphan");
    fs::create_dir(&abandoned).unwrap();
    fs::write(abandoned.join(OWNER_LOCK), "").unwrap();
    let stranger = parent.path().join("6.0.5");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join(OWNER_LOCK), "").unwrap();
    let mut left = Folder::below(parent.path()).unwrap();
    left.keep().unwrap();
    let path = left.path().to_owned();
    drop(left);
    let _next = Folder::below(parent.path()).unwrap();
    assert!(!abandoned.exists() && path.is_dir() && stranger.is_dir());
}
