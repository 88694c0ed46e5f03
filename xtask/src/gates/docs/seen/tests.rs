//! Who has seen what.

use super::*;

fn faults(text: &str, list: &str) -> usize {
    check_against(&[Page::parse("docs/a.md", text)], list).unwrap().len()
}

#[test]
fn a_block_has_to_be_seen_as_it_stands() {
    let block = "```sh\nrekindle status\n```\n";
    let list = format!("# how\n{} docs/a.md by hand, 2026-11-21\n", checksum("rekindle status"));
    assert_eq!(faults(block, &list), 0);
    assert_eq!(faults(block, ""), 1);
    // Changed since: it was not seen, and what was seen is no more.
    assert_eq!(faults("```sh\nrekindle status --watch\n```\n", &list), 2);
    assert_eq!(faults("", &list), 1);
    assert_eq!(faults("```rust\nlet x = 1;\n```\n", ""), 0);
}

#[test]
fn an_entry_says_how_it_was_seen() {
    assert!(parse("12345678 docs/a.md").is_err());
}
