//! A file is complete or absent, whatever other processes do.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::{Existing, LockError, PartialFile, PersistError, write};

struct Place {
    _folder: tempfile::TempDir,
    target: PathBuf,
    partial: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    Place { partial: folder.path().join("target.part"), target, _folder: folder }
}

impl Place {
    fn open(&self) -> Result<PartialFile, LockError> {
        PartialFile::open(self.partial.clone(), &self.target)
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self._folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn target_appears_once_the_file_is_persisted() {
    let place = place();
    let partial = place.open().unwrap();
    partial.file().write_all(b"whole").unwrap();
    assert_eq!(place.names(), ["target.part"]);
    partial.persist(Existing::Stays).unwrap();
    assert_eq!(place.names(), ["target"]);
    assert_eq!(fs::read(&place.target).unwrap(), b"whole");
    // It has another name already, and is not removed.
    partial.remove();
    assert_eq!(place.names(), ["target"]);
}

#[test]
fn existing_target_stays_or_is_replaced_on_request() {
    let place = place();
    let partial = place.open().unwrap();
    partial.file().write_all(b"new").unwrap();
    fs::write(&place.target, b"old").unwrap();
    assert!(matches!(partial.persist(Existing::Stays), Err(PersistError::Exists)));
    assert_eq!(fs::read(&place.target).unwrap(), b"old");
    assert_eq!(place.names(), ["target", "target.part"]);
    partial.persist(Existing::IsReplaced).unwrap();
    assert_eq!(fs::read(&place.target).unwrap(), b"new");
    assert_eq!(place.names(), ["target"]);
}

#[test]
fn unfinished_file_is_locked_and_can_be_continued() {
    let place = place();
    let first = place.open().unwrap();
    first.file().write_all(b"begun").unwrap();
    assert!(matches!(place.open(), Err(LockError::InUse)));
    drop(first);
    let second = place.open().unwrap();
    assert_eq!(second.file().metadata().unwrap().len(), 5);
    second.remove();
    assert!(place.names().is_empty());
}

#[test]
fn file_of_another_process_is_not_removed() {
    let place = place();
    let partial = place.open().unwrap();
    fs::remove_file(&place.partial).unwrap();
    fs::write(&place.partial, b"another one").unwrap();
    partial.remove();
    assert_eq!(place.names(), ["target.part"]);
}

#[cfg(unix)]
#[test]
fn partial_file_is_private_and_a_written_one_has_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let partial = place.open().unwrap();
    assert_eq!(mode(&place.partial), 0o600);
    partial.remove();
    for content in ["first", "second"] {
        write(&place.target, content.as_bytes(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::read_to_string(&place.target).unwrap(), content);
        assert_eq!(mode(&place.target), 0o600);
        assert_eq!(place.names(), ["target"]);
    }
}
