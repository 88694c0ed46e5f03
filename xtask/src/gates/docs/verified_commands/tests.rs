//! Blocks that are listed, changed or missing.

use super::*;

fn faults(text: &str, list: &str) -> usize {
    check_against(&[Page::parse("docs/a.md", text)], list).unwrap().len()
}

#[test]
fn a_changed_block_is_not_verified() {
    let block = "```sh\nrekindle status\n```\n";
    let list = format!("# how\n{} docs/a.md by hand, 2026-11-21\n", checksum("rekindle status"));
    assert_eq!(faults(block, &list), 0);
    assert_eq!(faults(block, ""), 1);
    // A changed block is not verified, and its old entry has no block.
    assert_eq!(faults("```sh\nrekindle status --watch\n```\n", &list), 2);
    assert_eq!(faults("", &list), 1);
    assert_eq!(faults("```rust\nlet x = 1;\n```\n", ""), 0);
}

#[test]
fn an_entry_says_how_it_was_verified() {
    assert!(parse("12345678 docs/a.md").is_err());
}
