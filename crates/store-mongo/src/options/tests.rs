//! What an address shows.

use super::{MongoAddress, MongoOptions};

fn address(text: &str) -> MongoAddress {
    text.parse().unwrap()
}

#[test]
fn password_is_never_shown() {
    for (given, shown) in [
        ("mongodb://db1:27017/", "mongodb://db1:27017/"),
        ("mongodb://anna@db1/", "mongodb://anna@db1/"),
        ("mongodb://anna:s3cret@db1,db2/app?replicaSet=rs", "mongodb://anna:***@db1,db2/app?replicaSet=rs"),
        ("mongodb+srv://anna:s3cret@cluster.example/", "mongodb+srv://anna:***@cluster.example/"),
        // With characters that should have been escaped.
        ("mongodb://anna:s3@cret@db1/", "mongodb://anna:***@db1/"),
        ("mongodb://anna:s3cret/@db1/?x=1", "mongodb://anna:***@db1/?x=1"),
        ("mongodb://anna:s3cret?@db1/?x=1", "mongodb://anna:***@db1/?x=1"),
        (
            "mongodb://db1/?tlsCertificateKeyFilePassword=s3cret&tls=true",
            "mongodb://db1/?tlsCertificateKeyFilePassword=***&tls=true",
        ),
        (
            "mongodb://db1/?authMechanismProperties=AWS_SESSION_TOKEN:s3cret",
            "mongodb://db1/?authMechanismProperties=***",
        ),
    ] {
        let address = address(given);
        assert_eq!(address.to_string(), shown);
        let options = MongoOptions::at(address.clone());
        assert!(!format!("{address:?} {options:?}").contains("s3"), "{options:?}");
        assert_eq!(address.expose(), given);
    }
}

#[test]
fn other_addresses_are_rejected() {
    for text in ["", "mongodb", "mongodb://", "mongodb+srv://", "postgres://db", "MONGODB://db", "sqlite:x"] {
        assert!(text.parse::<MongoAddress>().is_err(), "{text}");
    }
}
