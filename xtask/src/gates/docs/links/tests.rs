//! Links to files and headings that exist or do not.

use super::*;

fn faults(text: &str) -> usize {
    let pages = [Page::parse("docs/a.md", text), Page::parse("README.md", "# Top\n## Its part\n")];
    let files = ["docs/a.md", "README.md", "crates/x/src/lib.rs"].map(str::to_owned);
    check(&pages, &files).len()
}

#[test]
fn links_to_existing_files_and_headings_hold() {
    let text = "# Here\n[a](../README.md#its-part) [b](../crates/x/src/lib.rs) [c](../crates/x) [d](#here) [e](https://x.org/#y)\n";
    assert_eq!(faults(text), 0);
}

#[test]
fn links_to_missing_files_and_headings_are_found() {
    assert_eq!(faults("[a](../README.md#another)"), 1);
    assert_eq!(faults("[a](README.md)"), 1);
    assert_eq!(faults("[a](#there)"), 1);
    assert_eq!(faults("[a](../crates/y)"), 1);
    assert_eq!(faults("[a](gone.md) and [b](gone-too.md)"), 2);
}
