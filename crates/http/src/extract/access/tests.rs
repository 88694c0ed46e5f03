//! Tests of `access`.

use super::*;

#[test]
fn a_cursor_leads_back_to_its_position_and_a_forged_one_nowhere() {
    for text in ["1", "9223372036854775807", "any words of a store"] {
        let there = EventPosition(text.into());
        assert_eq!(position(&cursor(&there)), Ok(there));
    }
    let good = cursor(&EventPosition("17".into()));
    for forged in ["", "00", "zz", "31374242", "ä", &good[1..], &format!("{good}0"), &good.to_uppercase()] {
        if *forged != *good {
            assert!(position(forged).is_err(), "{forged}");
        }
    }
}
