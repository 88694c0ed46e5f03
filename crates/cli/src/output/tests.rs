//! Spans, cells, and what a terminal must not obey.

use super::*;

#[test]
fn spans_are_told_in_two_units_at_most() {
    let told = |seconds| span(Duration::from_secs(seconds));
    assert_eq!(span(Duration::from_millis(250)), "250ms");
    assert_eq!(told(12), "12s");
    assert_eq!(told(60), "1m");
    assert_eq!(told(61), "1m 1s");
    assert_eq!(told(3 * 3600 + 59), "3h");
    assert_eq!(told(26 * 3600 + 1800), "1d 2h");
}

#[test]
fn stored_text_cannot_steer_the_terminal() {
    assert_eq!(visible("a\x1b[31mb\x07\rc"), "a [31mb  c");
    assert_eq!(cell("two\nlines"), "two lines");
    assert_eq!(cell(&"ü".repeat(100)).chars().count(), CELL + 1);
}

#[test]
fn a_table_has_no_blanks_at_its_line_ends() {
    let mut rows = table(&["A", "LONGER"]);
    rows.add_row(["1", "2"]).add_row(["three", "4"]);
    let drawn = drawn(&rows);
    assert_eq!(drawn, "A      LONGER\n1      2\nthree  4\n");
}
