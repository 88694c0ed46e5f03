//! Each section replaces only itself.

use super::with_section;
use crate::bench::about::{MONGO, SQLITE};
use crate::shell::root;

const PAGE: &str = "# Top\n<!-- a: written by `cargo xtask bench --store a` -->\nold\n<!-- /a -->\nmiddle\n\
                    <!-- b: written by `cargo xtask bench --store b` -->\n<!-- /b -->\nend\n";

#[test]
fn a_section_replaces_the_one_before() {
    let once = with_section(PAGE, "a", "new\n").unwrap();
    assert!(once.contains("-->\n\nnew\n\n<!-- /a -->\nmiddle\n") && !once.contains("old"), "{once}");
    assert_eq!(with_section(&once, "a", "new").unwrap(), once);
}

#[test]
fn the_other_sections_stay_as_they_are() {
    let one = with_section(&with_section(PAGE, "a", "A").unwrap(), "b", "B").unwrap();
    let other = with_section(&with_section(PAGE, "b", "B").unwrap(), "a", "A").unwrap();
    assert_eq!(one, other);
    assert!(one.starts_with("# Top\n") && one.ends_with("<!-- /b -->\nend\n"), "{one}");
}

#[test]
fn a_page_without_the_marks_is_refused() {
    assert!(with_section("# Top\n", "a", "A").is_err());
    assert!(with_section(&PAGE.replace("<!-- /a -->", ""), "a", "A").is_err());
}

#[test]
fn the_real_page_has_a_place_for_each_store() {
    let page = std::fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    for about in [SQLITE, MONGO] {
        with_section(&page, about.mark, "figures").unwrap();
    }
}
