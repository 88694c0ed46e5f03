//! The errors in the server's replies.

use bson::doc;
use rekindle_core::store::CommitError;

use rekindle_records::Extension;

use super::first_error;
use crate::kinds::Kinds;

fn kinds() -> Kinds {
    Kinds::with(Extension::NONE)
}

#[test]
fn first_error_has_its_index_and_its_rule() {
    let why = "E11000 duplicate key error collection: d.sessions index: one_active dup key: { }";
    let reply = doc! { "n": 1_i32, "writeErrors": [{ "index": 1_i32, "code": 11000_i32, "errmsg": why }] };
    let (index, error) = first_error(&kinds(), &reply).unwrap();
    assert_eq!(index, 1);
    assert!(matches!(error, CommitError::UniqueViolation(_)), "{error:?}");
    assert!(first_error(&kinds(), &doc! { "n": 1_i32 }).is_none());
}
