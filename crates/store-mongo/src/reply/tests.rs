//! The counts that servers give.

use bson::doc;

use super::row_count;

#[test]
fn row_count_reads_both_integer_types() {
    assert_eq!(row_count(&doc! { "n": 3_i32 }), 3);
    assert_eq!(row_count(&doc! { "n": 3_i64 }), 3);
    assert_eq!(row_count(&doc! {}), 0);
}
