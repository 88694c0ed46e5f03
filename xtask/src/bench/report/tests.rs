//! How figures are shown.

use std::time::Duration;

use super::{at_least, below, grouped, ms, shown};
use crate::bench::load::Cores;

#[test]
fn a_result_says_by_how_much_it_meets_the_target() {
    assert_eq!(at_least(0.77, 0.7), "met, 10 % above");
    assert_eq!(at_least(0.56, 0.7), "**missed by 20 %**");
    assert_eq!(below(10.0, 25.0), "met, 40 % of it");
    assert_eq!(below(25.0, 25.0), "**missed by 0 %**");
    assert_eq!(below(50.0, 25.0), "**missed by 100 %**");
}

#[test]
fn numbers_are_readable() {
    assert_eq!([0, 999, 1000, 1_000_000].map(grouped), ["0", "999", "1,000", "1,000,000"]);
    assert_eq!(ms(Duration::from_micros(1234)), "1.23");
    assert_eq!(ms(Duration::from_micros(123_456)), "123.5");
}

#[test]
fn the_cores_of_the_database_are_shown_separately() {
    assert_eq!(shown(Cores { own: 0.456, database: None }), "0.46");
    assert_eq!(shown(Cores { own: 0.456, database: Some(1.0) }), "0.46 + 1.00");
}
