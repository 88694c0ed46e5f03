//! Who removes which folder.

use std::fs;

use super::{Folder, OWNER};

#[test]
fn a_folder_goes_with_its_owner_and_not_before() {
    let parent = tempfile::tempdir().unwrap();
    let one = Folder::below(parent.path()).unwrap();
    let two = Folder::below(parent.path()).unwrap();
    assert!(one.path().is_dir(), "the sweep took a folder whose owner lives");
    let (one_path, two_path) = (one.path().to_owned(), two.path().to_owned());
    drop(one);
    assert!(!one_path.exists() && two_path.exists());
}

#[test]
fn what_a_killed_owner_left_is_swept_and_what_was_left_on_purpose_is_not() {
    let parent = tempfile::tempdir().unwrap();
    let orphan = parent.path().join("nodes-orphan");
    fs::create_dir(&orphan).unwrap();
    fs::write(orphan.join(OWNER), "").unwrap();
    let stranger = parent.path().join("6.0.5");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join(OWNER), "").unwrap();
    let mut left = Folder::below(parent.path()).unwrap();
    left.leave().unwrap();
    let path = left.path().to_owned();
    drop(left);
    let _next = Folder::below(parent.path()).unwrap();
    assert!(!orphan.exists() && path.is_dir() && stranger.is_dir());
}
