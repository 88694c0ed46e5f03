//! The report is one of cargo-nextest 0.9.143, shortened.

use super::{MAX_ROWS, Timed, parse, render};

const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="2" failures="1" errors="0" uuid="c0c559b4" timestamp="2026-11-27T14:21:53.000+00:00" time="1.0">
    <testsuite name="rekindle-http::mongo" tests="1" disabled="0" errors="0" failures="1">
        <testcase name="story &lt;one&gt;" classname="rekindle-http::mongo" timestamp="2026-11-27T14:21:53.100+00:00" time="12.345">
            <failure type="test failure"/>
        </testcase>
    </testsuite>
    <testsuite name="xtask" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="circles::tests::found" classname="xtask" timestamp="2026-11-27T14:21:53.100+00:00" time="0.005">
        </testcase>
    </testsuite>
</testsuites>"#;

#[test]
fn every_test_of_the_report_has_its_time() {
    let timed = |seconds, name: &str| Timed { seconds, name: name.to_owned() };
    let expected = [timed(12.345, "rekindle-http::mongo story <one>"), timed(0.005, "xtask circles::tests::found")];
    assert_eq!(parse(REPORT).unwrap(), expected);
    assert!(parse("<testsuites><testcase name='one' time='1'/></testsuites>").is_err());
}

#[test]
fn the_slowest_come_first_and_the_rest_is_left_out() {
    let tests = (0..20_u8).map(|number| Timed { seconds: f64::from(number), name: format!("test {number}") });
    let table = render(tests.collect());
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), MAX_ROWS + 1);
    assert_eq!(lines[0], "  seconds  the slowest of 20 tests");
    assert_eq!(lines[1], "     19.0  test 19");
}
