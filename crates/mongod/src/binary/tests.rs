//! Parsing of versions, and which program is chosen.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{new_enough, on_path, version};

#[test]
fn version_six_and_later_is_accepted() {
    for good in ["6.0.5", "6.0.27", "7.0.0", "10.1.2-rc0"] {
        new_enough(good).unwrap();
    }
    for bad in ["5.0.31", "3.6.9", "", "six"] {
        assert!(new_enough(bad).is_err(), "{bad}");
    }
}

#[test]
fn version_is_parsed_and_a_failing_program_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mongod");
    let write = |script: &str| {
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("echo 'db version v6.0.27'; echo 'Build Info: {'");
    assert_eq!(version(&file).unwrap(), "6.0.27");
    write("echo 'libssl.so.3: cannot open shared object file' >&2; exit 127");
    assert!(format!("{:#}", version(&file).unwrap_err()).contains("libssl.so.3"));
}

#[test]
fn first_mongod_on_the_path_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, first, second) =
        (folder.path().join("empty"), folder.path().join("first"), folder.path().join("second"));
    for made in [&empty, &first, &second] {
        fs::create_dir(made).unwrap();
    }
    fs::write(first.join("mongod"), "").unwrap();
    fs::write(second.join("mongod"), "").unwrap();
    let path = std::env::join_paths([&empty, &first, &second]).unwrap();
    assert_eq!(on_path(&path), Some(first.join("mongod")));
    assert_eq!(on_path(empty.as_os_str()), None);
}
