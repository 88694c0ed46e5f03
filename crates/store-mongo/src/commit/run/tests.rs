//! What the server's replies mean.

use bson::doc;
use rekindle_core::store::CommitError;

use super::{count, first_error};

#[test]
fn a_count_is_read_from_either_integer() {
    assert_eq!(count(&doc! { "n": 3_i32 }), 3);
    assert_eq!(count(&doc! { "n": 3_i64 }), 3);
    assert_eq!(count(&doc! {}), 0);
}

#[test]
fn the_first_error_tells_its_place_and_its_rule() {
    let why = "E11000 duplicate key error collection: d.sessions index: one_active dup key: { }";
    let reply = doc! { "n": 1_i32, "writeErrors": [{ "index": 1_i32, "code": 11000_i32, "errmsg": why }] };
    let (place, error) = first_error(&reply).unwrap();
    assert_eq!(place, 1);
    assert!(matches!(error, CommitError::UniqueViolation(_)), "{error:?}");
    assert!(first_error(&doc! { "n": 1_i32 }).is_none());
}
