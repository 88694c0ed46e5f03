//! The committed files are those that the code generates.

use super::{all, check};

#[test]
fn generated_files_are_up_to_date() {
    if let Err(fault) = check() {
        panic!("{fault:#}");
    }
}

#[test]
fn generating_twice_gives_the_same() {
    for (first, second) in all().unwrap().into_iter().zip(all().unwrap()) {
        assert_eq!(first.content, second.content, "{} must not depend on the run", first.path);
    }
}
