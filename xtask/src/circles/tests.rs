//! Small crates, written out.

use std::collections::BTreeMap;

use super::Structure;
use super::workspace::faults;

fn structure(files: &[(&str, &str)]) -> Structure {
    let files: BTreeMap<_, _> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Structure::of(&files).unwrap()
}

/// Each arrow as it is shown.
fn shown(files: &[(&str, &str)]) -> Vec<String> {
    structure(files).to_string().lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn two_files_that_use_each_other_are_a_circle() {
    let found = shown(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; impl B { fn a(&self) -> super::a::A { loop {} } }"),
        ("c.rs", "use crate::a::A; use crate::b::B;"),
    ]);
    assert_eq!(found, ["2 files depend on each other:", "a.rs -> b.rs: B", "b.rs -> a.rs: A"]);
}

#[test]
fn a_circle_of_three_is_found() {
    let found = structure(&[
        ("main.rs", "mod a; mod b; mod c; fn main() { a::run() }"),
        ("a.rs", "use super::b; pub fn run() { b::run() }"),
        ("b.rs", "pub fn run() { crate::c::run() }"),
        ("c.rs", "use crate::a::run as again; pub fn run() { again() }"),
    ]);
    assert_eq!(found.files.len(), 1);
    assert_eq!(found.files[0].members.len(), 3);
}

#[test]
fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
    let found = shown(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod child; pub struct A; fn run() { child::run(A) }"),
        ("a/child.rs", "use super::A; pub fn run(_: A) {}"),
    ]);
    assert_eq!(found, ["2 files depend on each other:", "a.rs -> a/child.rs: run", "a/child.rs -> a.rs: A"]);
}

#[test]
fn a_reexport_is_followed_and_is_no_dependency() {
    let facade = "mod one; mod two; pub use one::One; pub use two::*;";
    let sound = structure(&[
        ("lib.rs", "mod a; mod user; pub use a::One;"),
        ("a.rs", facade),
        ("a/one.rs", "pub struct One;"),
        ("a/two.rs", "use super::One; pub struct Two(One);"),
        ("user.rs", "use crate::a::{One, Two};"),
    ]);
    assert!(sound.is_sound(), "{sound}");
    // A use of the re-exported name is a dependency on the file that defines it.
    let found = shown(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod one; pub use one::One; pub struct A; fn make() -> One { One }"),
        ("a/one.rs", "use super::A; pub struct One;"),
    ]);
    assert_eq!(found, ["2 files depend on each other:", "a.rs -> a/one.rs: One", "a/one.rs -> a.rs: A"]);
}

#[test]
fn a_circle_of_modules_is_found_where_no_files_form_one() {
    let found = shown(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub mod low; pub mod high;"),
        ("a/low.rs", "pub struct Low;"),
        ("a/high.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::low::Low; pub struct B(Low);"),
    ]);
    let expected =
        ["modules depend on each other: a, b", "a -> b", "a/high.rs -> b.rs: B", "b -> a", "b.rs -> a/low.rs: Low"];
    assert_eq!(found, expected);
}

#[test]
fn a_name_taken_from_the_root_is_found() {
    let found = shown(&[
        ("lib.rs", "mod a; mod b; pub use a::A; #[macro_export] macro_rules! made { () => {} }"),
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::A; crate::made!();"),
    ]);
    assert_eq!(found, ["1 files take names from the crate's root:", "b.rs: A"]);
}

#[test]
fn tests_and_macro_rules_are_left_out() {
    let sound = structure(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use crate::b::B; pub struct A(B);
             #[cfg(test)] mod tests;
             #[cfg(test)] mod more { use crate::b::B; }",
        ),
        ("a/tests.rs", "use super::*; use crate::b::B;"),
        (
            "b.rs",
            "pub struct B;
             macro_rules! m { () => { crate::a::A } }
             #[cfg(test)] fn a() -> crate::a::A { loop {} }
             impl B { #[cfg(test)] fn a() -> crate::a::A { loop {} } }
             #[cfg(test)] use crate::a::A;",
        ),
    ]);
    assert!(sound.is_sound(), "{sound}");
}

#[test]
fn paths_in_the_arguments_of_a_macro_count() {
    let found = shown(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; fn b() { println!(\"{}\", crate::b::name()); }"),
        ("b.rs", "use crate::a::A; pub fn name() {}"),
    ]);
    assert_eq!(found, ["2 files depend on each other:", "a.rs -> b.rs: name", "b.rs -> a.rs: A"]);
}

#[test]
fn names_that_a_macro_defines_belong_to_the_file_that_calls_it() {
    let sound = structure(&[
        ("lib.rs", "mod values; mod user;"),
        ("values.rs", "mod ids; pub use ids::*; pub struct Value(Id);"),
        ("values/ids.rs", "id!(Id, \"an id\");"),
        ("user.rs", "use crate::values::Id;"),
    ]);
    assert!(sound.is_sound(), "{sound}");
}

#[test]
fn other_crates_and_local_names_are_no_dependency() {
    let sound = structure(&[
        ("lib.rs", "mod a; mod time;"),
        (
            "a.rs",
            "pub struct A; use std::time::Duration; fn a(time: Duration) { let b = time; tokio::time::sleep(b); }",
        ),
        ("time.rs", "use crate::a::A; use ::tokio::time;"),
    ]);
    assert!(sound.is_sound(), "{sound}");
}

#[test]
fn a_module_without_a_file_is_an_error() {
    let files = BTreeMap::from([("lib.rs".to_owned(), "mod gone;".to_owned())]);
    assert!(format!("{:#}", Structure::of(&files).unwrap_err()).contains("gone"));
}

#[test]
fn a_crate_without_circles_has_no_fault() {
    let circle = structure(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::*;"), ("b.rs", "use crate::a::*;")]);
    let found = BTreeMap::from([("one".to_owned(), Structure::default()), ("two".to_owned(), circle)]);
    let faults = faults(&found);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("two has a circle.") && faults[0].contains("a.rs -> b.rs"), "{faults:?}");
}
