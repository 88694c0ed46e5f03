//! What counts as a use.

use super::*;

#[test]
fn a_path_or_a_use_names_a_crate() {
    for code in
        ["use serde::Serialize;", "    let x = serde::de(1);", "#[serde::x]", "use serde;", "pub use serde as s;"]
    {
        assert!(is_named(code, "serde"), "{code}");
    }
}

#[test]
fn other_words_do_not_count_as_a_use() {
    for code in
        ["use serde_json::Value;", "// use serde::X;", "let serde = 1;", "my::serde::x", "a_serde::x", "user serde"]
    {
        assert!(!is_named(code, "serde"), "{code}");
    }
}

#[test]
fn an_unused_dependency_of_the_workspace_is_found() {
    let manifest = "[workspace.dependencies]\na = \"1\"\nb = { version = \"2\" }\n";
    let needed = BTreeSet::from(["a".to_owned()]);
    let idle = of_workspace(manifest, &needed).unwrap();
    assert_eq!(idle.len(), 1);
    assert!(idle[0].starts_with("b of"));
}
