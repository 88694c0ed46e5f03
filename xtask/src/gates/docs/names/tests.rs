//! Which words are names, and which names are known.

use super::*;

#[test]
fn capitals_with_an_underscore_are_names() {
    let found: Vec<&str> = capitals("STORE_URL=$X PORT=1 A_ _B Rust_X LOG_FILE_KEEP").collect();
    assert_eq!(found, ["STORE_URL", "LOG_FILE_KEEP"]);
}

#[test]
fn a_name_is_in_the_code_or_assigned_on_the_page() {
    let known = BTreeSet::from(["STORE_URL".to_owned()]);
    assert!(is_known("STORE_URL", &known, ""));
    assert!(is_known("NEW_KEY", &known, "NEW_KEY=$(uuidgen)\necho $NEW_KEY\n"));
    assert!(!is_known("STORE_ULR", &known, "STORE_ULR=x rekindle serve\n"));
}

#[test]
fn the_settings_are_found_in_the_code() {
    let files = crate::gates::sources::files().unwrap();
    let known = settings(&files).unwrap();
    for name in ["STORE_URL", "STALL_THRESHOLD_MS", "CLEANUP_CRON", "REKINDLE_URL", "NOTIFY_SOCKET"] {
        assert!(known.contains(name), "{name}");
    }
}

#[test]
fn a_path_may_begin_at_the_root_the_crates_or_the_page() {
    let page = Page { path: "docs/a.md".to_owned(), ..Page::default() };
    let files = ["docs/a.md", "crates/core/src/x/tests.rs", "crates/core/src/y/tests.rs"].map(str::to_owned);
    for path in ["core/src/{x,y}/tests.rs", "x/tests.rs", "crates/core", "docs/a.md"] {
        assert!(expand(path).iter().all(|one| exists(&page, one, &files)), "{path}");
    }
    assert!(!expand("core/src/{x,z}/tests.rs").iter().all(|one| exists(&page, one, &files)));
    assert_eq!((path("/api/sessions"), path("a/b"), path("core/src/x")), (None, None, Some("core/src/x")));
}
