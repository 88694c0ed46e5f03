//! The lines are those of cargo 1.95 and cargo-nextest 0.9.143.

use super::{Runner, Totals};

fn read(runner: Runner, lines: &[&str]) -> Totals {
    let mut totals = Totals::default();
    for line in lines {
        totals.read_line(runner, line);
    }
    totals
}

#[test]
fn libtest_results_are_summed() {
    let totals = read(
        Runner::Libtest,
        &[
            "running 3 tests",
            "test a_name_with_7_passed ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ],
    );
    assert_eq!(totals, Totals { passed: 7, failed: 2, ignored: 1 });
}

#[test]
fn every_number_of_the_nextest_summary_is_read() {
    let totals = read(Runner::Nextest, &["     Summary [   0.010s] 3 tests run: 3 passed, 0 skipped"]);
    assert_eq!(totals, Totals { passed: 3, failed: 0, ignored: 0 });
    let totals = read(
        Runner::Nextest,
        &[
            "     Summary [  12.010s] 9 tests run: 5 passed (1 slow, 2 flaky), 2 failed, 1 exec failed, 1 timed out, 4 skipped",
        ],
    );
    assert_eq!(totals, Totals { passed: 5, failed: 4, ignored: 4 });
    let totals = read(Runner::Nextest, &["     Summary [   0.010s] 1 test run: 1 passed, 0 skipped"]);
    assert_eq!(totals, Totals { passed: 1, failed: 0, ignored: 0 });
}

#[test]
fn colours_do_not_hide_numbers() {
    let totals = read(
        Runner::Nextest,
        &[
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.010s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
        ],
    );
    assert_eq!(totals, Totals { passed: 2, failed: 0, ignored: 0 });
}

#[test]
fn the_output_of_a_failed_test_is_not_counted() {
    let totals = read(
        Runner::Nextest,
        &[
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.09s",
            "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.09s",
            "     Summary [   0.413s] 5/25 tests run: 4 passed, 1 failed, 0 skipped",
        ],
    );
    assert_eq!(totals, Totals { passed: 4, failed: 1, ignored: 0 });
}

#[test]
fn other_lines_are_not_counted() {
    let totals = read(Runner::Nextest, &["5 passed, 6 failed", "test result: nonsense", "Summary [", ""]);
    assert_eq!(totals, Totals::default());
}

#[test]
fn the_total_is_shown_in_its_fixed_form() {
    assert_eq!(Totals { passed: 12, failed: 0, ignored: 0 }.to_string(), "12 passed, 0 failed");
    assert_eq!(Totals { passed: 12, failed: 1, ignored: 3 }.to_string(), "12 passed, 1 failed, 3 ignored");
}
