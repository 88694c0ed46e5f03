//! Spans, cells, and control characters.

use super::*;

#[test]
fn spans_are_shown_in_two_units_at_most() {
    let shown = |seconds| span(Duration::from_secs(seconds));
    assert_eq!(span(Duration::from_millis(250)), "250ms");
    assert_eq!(shown(12), "12s");
    assert_eq!(shown(60), "1m");
    assert_eq!(shown(61), "1m 1s");
    assert_eq!(shown(3 * 3600 + 59), "3h");
    assert_eq!(shown(26 * 3600 + 1800), "1d 2h");
}

#[test]
fn control_characters_of_stored_text_are_not_printed() {
    assert_eq!(visible("a\x1b[31mb\x07\rc"), "a [31mb  c");
    assert_eq!(cell("two\nlines"), "two lines");
    assert_eq!(cell(&"ü".repeat(100)).chars().count(), CELL + 1);
}

#[test]
fn a_table_has_no_trailing_blanks() {
    let mut rows = table(&["A", "LONGER"]);
    rows.add_row(["1", "2"]).add_row(["three", "4"]);
    let drawn = drawn(&rows);
    assert_eq!(drawn, "A      LONGER\n1      2\nthree  4\n");
}
