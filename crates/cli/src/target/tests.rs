//! Flags before the folder, and no key for a stranger.

use rekindle_core::RandomIds;

use super::*;
use crate::data_dir::{Key, ServerNote};

struct Local {
    _dir: tempfile::TempDir,
    folder: Folder,
    key: String,
    _claim: data_dir::DirLock,
}

fn local() -> Local {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join(data_dir::NAME));
    let claim = folder.claim().unwrap();
    let Key::Made(key) = claim.key(&RandomIds).unwrap() else { panic!("there was no key") };
    claim.write_note(&ServerNote { url: "http://127.0.0.1:4711".to_owned(), pid: 42 }).unwrap();
    Local { _dir: dir, folder, key, _claim: claim }
}

#[test]
fn the_folder_names_the_server_and_the_key() {
    let local = local();
    let target = locate(None, None, Some(&local.folder)).unwrap();
    assert_eq!(target.url.as_str(), "http://127.0.0.1:4711/");
    assert_eq!(target.key, local.key);
}

#[test]
fn what_is_given_comes_first() {
    let local = local();
    let target = locate(Some("http://[::1]:9"), Some("other"), Some(&local.folder)).unwrap();
    assert_eq!((target.url.as_str(), target.key.as_str()), ("http://[::1]:9/", "other"));
    let target = locate(Some("http://localhost:9"), None, Some(&local.folder)).unwrap();
    assert_eq!(target.key, local.key);
}

#[test]
fn the_kept_key_is_not_shown_to_another_host() {
    let local = local();
    for url in ["https://rekindle.example.org", "http://127.0.0.1.example.org", "http://10.0.0.1:3000"] {
        let failure = locate(Some(url), None, Some(&local.folder)).unwrap_err();
        assert!(
            matches!(&failure, CliError::Configuration(words) if words.contains("REKINDLE_API_KEY")),
            "{failure:?}"
        );
    }
}

#[test]
fn without_anything_the_words_say_what_to_do() {
    let Err(CliError::Configuration(words)) = locate(None, None, None) else { panic!("there is no key") };
    assert!(words.contains("rekindle dev") && words.contains("127.0.0.1:3000"), "{words}");
    assert_eq!(locate(None, Some("k"), None).unwrap().url.as_str(), "http://127.0.0.1:3000/");
}

#[test]
fn what_is_no_url_is_a_fault() {
    for url in ["127.0.0.1:3000", "ftp://x", "http://", "nonsense"] {
        assert!(matches!(locate(Some(url), Some("k"), None), Err(CliError::Configuration(_))), "{url}");
    }
}

#[test]
fn empty_is_none() {
    let blank = " ".to_owned();
    assert_eq!((text(Some(&String::new())), text(Some(&blank)), text(None)), (None, None, None));
}
