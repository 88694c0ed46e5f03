//! Flags win over the data folder, and the folder's key is not sent to another host.

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
fn flags_win_over_the_data_folder() {
    let local = local();
    let target = locate(Some("http://[::1]:9"), Some("other"), Some(&local.folder)).unwrap();
    assert_eq!((target.url.as_str(), target.key.as_str()), ("http://[::1]:9/", "other"));
    let target = locate(Some("http://localhost:9"), None, Some(&local.folder)).unwrap();
    assert_eq!(target.key, local.key);
}

#[test]
fn the_stored_key_is_not_sent_to_another_host() {
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
fn without_a_key_the_message_says_what_to_do() {
    let Err(CliError::Configuration(words)) = locate(None, None, None) else { panic!("there is no key") };
    assert!(words.contains("rekindle dev") && words.contains("127.0.0.1:3000"), "{words}");
    assert_eq!(locate(None, Some("k"), None).unwrap().url.as_str(), "http://127.0.0.1:3000/");
}

#[test]
fn an_invalid_url_is_an_error() {
    for url in ["127.0.0.1:3000", "ftp://x", "http://", "nonsense"] {
        assert!(matches!(locate(Some(url), Some("k"), None), Err(CliError::Configuration(_))), "{url}");
    }
}

#[test]
fn empty_values_count_as_absent() {
    let blank = " ".to_owned();
    assert_eq!((text(Some(&String::new())), text(Some(&blank)), text(None)), (None, None, None));
}
