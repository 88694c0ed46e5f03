//! The data folder: permissions of the key, the lock, and the search for the folder.

use rekindle_core::RandomIds;

use super::*;

fn fresh() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join(NAME));
    (dir, folder)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_key_is_generated_once_and_is_private() {
    let (_dir, folder) = fresh();
    let claim = folder.claim().unwrap();
    let Key::Made(key) = claim.key(&RandomIds).unwrap() else { panic!("there was no key") };
    assert_eq!(mode(&folder.key_file()), 0o600);
    assert_eq!(claim.key(&RandomIds).unwrap(), Key::Kept(key.clone()));
    assert_eq!(folder.key(), Some(key));
    assert_eq!(fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn a_key_file_readable_by_others_gets_restricted_permissions() {
    let (_dir, folder) = fresh();
    let claim = folder.claim().unwrap();
    let Key::Made(key) = claim.key(&RandomIds).unwrap() else { panic!("there was no key") };
    fs::set_permissions(folder.key_file(), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(claim.key(&RandomIds).unwrap(), Key::Tightened(key));
    assert_eq!(mode(&folder.key_file()), 0o600);
}

#[test]
fn a_file_without_a_valid_key_is_not_replaced() {
    let (_dir, folder) = fresh();
    let claim = folder.claim().unwrap();
    fs::write(folder.key_file(), "my notes").unwrap();
    assert!(matches!(claim.key(&RandomIds), Err(CliError::Configuration(_))));
    assert_eq!(fs::read_to_string(folder.key_file()).unwrap(), "my notes");
}

#[test]
fn a_folder_has_one_lock_and_the_note_is_removed_with_it() {
    let (_dir, folder) = fresh();
    let claim = folder.claim().unwrap();
    let note = ServerNote { url: "http://127.0.0.1:4711".to_owned(), pid: 42 };
    claim.write_note(&note).unwrap();
    let refusal = folder.claim().map(drop).unwrap_err().to_string();
    assert!(refusal.contains("http://127.0.0.1:4711") && refusal.contains("42"), "{refusal}");
    drop(claim);
    assert_eq!(folder.note(), None);
    folder.claim().map(drop).unwrap();
}

#[test]
fn the_nearest_folder_is_found_from_a_subfolder() {
    let (dir, folder) = fresh();
    let below = dir.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    assert_ne!(Folder::nearest(&below), Some(folder.clone()));
    drop(folder.claim().unwrap());
    assert_eq!(Folder::nearest(&below), Some(folder));
}
