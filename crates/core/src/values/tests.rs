//! Which texts and numbers the values accept, and how they are displayed.

use serde_json::{Map, Value, json};

use super::{InvalidValue, MachineId, Metadata, MetadataPatch, ProjectId, SessionId, Slot, Slots, TaskName, Timestamp};

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("not an object") };
    map
}

#[test]
fn names_have_1_to_200_characters_and_no_control_characters() {
    let longest = "ü".repeat(200);
    for good in ["p", "my project", "a/b", longest.as_str()] {
        assert!(good.parse::<ProjectId>().is_ok(), "{good}");
    }
    for bad in ["", "  ", "\t", "a\nb", "a\u{0}", "\u{7f}", "ü".repeat(201).as_str()] {
        assert!(bad.parse::<ProjectId>().is_err(), "{bad:?}");
    }
    let error = "x".repeat(201).parse::<ProjectId>().unwrap_err();
    assert_eq!(error.to_string(), "must be at most 200 characters, and has 201");
}

#[test]
fn a_machine_id_has_no_slash() {
    assert!("build-1.example".parse::<MachineId>().is_ok());
    assert_eq!("a/b".parse::<MachineId>(), Err(InvalidValue::new("must not contain a slash")));
}

#[test]
fn prose_has_1_to_4000_characters_of_any_kind() {
    assert!("line\nline\u{1b}[0m".parse::<TaskName>().is_ok());
    assert!("x".repeat(4000).parse::<TaskName>().is_ok());
    assert!("x".repeat(4001).parse::<TaskName>().is_err());
    assert!(" \n".parse::<TaskName>().is_err());
}

#[test]
fn an_id_is_a_hyphenated_uuid() {
    let id = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    assert_eq!(id.parse::<SessionId>().unwrap().to_string(), id);
    assert_eq!(id.to_uppercase().parse::<SessionId>().unwrap().to_string(), id);
    for bad in ["invalid-uuid-123", "", "6fa459eaee8a4ca4894edb77e160355e", "{6fa459ea-ee8a-4ca4-894e-db77e160355e}"] {
        assert!(bad.parse::<SessionId>().is_err(), "{bad}");
    }
}

#[test]
fn slots_are_small_and_distinct() {
    assert_eq!(Slot::try_from(65535), Ok(Slot(65535)));
    assert!(Slot::try_from(-1).is_err());
    assert!(Slot::try_from(65536).is_err());
    let slots = Slots::try_from(vec![Slot(3), Slot(1)]).unwrap();
    assert_eq!(slots.as_slice(), [Slot(3), Slot(1)]);
    let error = Slots::try_from(vec![Slot(3), Slot(1), Slot(3)]).unwrap_err();
    assert_eq!(error.to_string(), "must name each slot once, and names 3 twice");
}

#[test]
fn a_timestamp_is_displayed_with_milliseconds_and_parses_back() {
    let time = Timestamp::from_millis(1_768_811_400_000);
    assert_eq!(time.to_string(), "2026-01-19T08:30:00.000Z");
    assert_eq!("2026-01-19T09:30:00+01:00".parse(), Ok(time));
    let before = Timestamp::from_millis(-1);
    assert_eq!(before.to_string(), "1969-12-31T23:59:59.999Z");
    assert_eq!(before.to_string().parse(), Ok(before));
    let last = Timestamp::from_millis(253_402_300_799_999);
    assert_eq!(last.to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(Timestamp::MIN.to_string(), "-9223372036854775808ms", "outside of the calendar");
    assert!("yesterday".parse::<Timestamp>().is_err());
}

#[test]
fn metadata_merges_by_rfc_7396() {
    // The examples of the RFC's appendix that have objects on both sides.
    for (target, patch, merged) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ] {
        let before = Metadata::new(object(target.clone())).unwrap();
        let after = before.merged(&MetadataPatch(object(patch.clone()))).unwrap();
        assert_eq!(after.as_map(), &object(merged), "{target} with {patch}");
    }
}

#[test]
fn metadata_is_at_most_64_kib_even_after_a_merge() {
    let of_size = |bytes: usize| object(json!({ "x": "y".repeat(bytes - r#"{"x":""}"#.len()) }));
    let largest = Metadata::new(of_size(65536)).unwrap();
    let error = Metadata::new(of_size(65537)).unwrap_err();
    assert_eq!(error.to_string(), "must be at most 65536 bytes as JSON, and would be 65537");
    assert!(largest.merged(&MetadataPatch(object(json!({ "z": 1 })))).is_err());
    assert!(largest.merged(&MetadataPatch(object(json!({ "x": "small" })))).is_ok());
}
