//! Which texts are locations, and that they are shown as they are read.

use std::path::PathBuf;

use super::*;

#[test]
fn a_location_is_read_from_its_url() {
    for (url, location) in [
        ("sqlite::memory:", Location::Memory),
        ("sqlite:rekindle.db", Location::File(PathBuf::from("rekindle.db"))),
        ("sqlite:/var/lib/rekindle.db", Location::File(PathBuf::from("/var/lib/rekindle.db"))),
        ("sqlite:///var/lib/rekindle.db", Location::File(PathBuf::from("/var/lib/rekindle.db"))),
        ("sqlite:with space & ?.db", Location::File(PathBuf::from("with space & ?.db"))),
    ] {
        assert_eq!(url.parse(), Ok(location), "{url}");
    }
}

#[test]
fn anything_else_is_refused_with_an_example() {
    for url in ["", "sqlite", "sqlite:", "sqlite://", "rekindle.db", "mongodb://localhost", "sqlite:a\0b"] {
        let refused = url.parse::<Location>().unwrap_err();
        assert!(refused.to_string().contains("sqlite:/var/lib/rekindle.db"), "{url:?}: {refused}");
    }
}

#[test]
fn a_location_is_shown_as_it_is_read() {
    for url in ["sqlite::memory:", "sqlite:/var/lib/rekindle.db"] {
        assert_eq!(url.parse::<Location>().unwrap().to_string(), url);
    }
}
