//! What may be seen of settings.

use rekindle_settings::{Environment, Layers, Sources};

use crate::settings::table::TABLE;

fn layers(pairs: &[(&str, &str)]) -> Layers {
    let environment: Environment = pairs.iter().copied().collect();
    Sources::of_environment(&TABLE, environment).gather()
}

fn shown(name: &str, value: &str) -> String {
    let all = layers(&[(name, value)]).shown();
    all.into_iter().find(|one| one.name == name).unwrap().value.unwrap()
}

#[test]
fn a_setting_is_shown_with_its_source_and_without_its_secret() {
    let all = layers(&[("PORT", "80"), ("API_KEYS", "hunter2")]).shown();
    let one = |name: &str| {
        let one = all.iter().find(|one| one.name == name).unwrap();
        (one.value.as_deref(), one.source.as_str())
    };
    assert_eq!(one("PORT"), (Some("80"), "environment"));
    assert_eq!(one("HOST"), (Some("127.0.0.1"), "default"));
    assert_eq!(one("API_KEYS"), (Some("***"), "environment"));
    assert_eq!(one("LOG_FILE"), (None, "not set"));
}

#[test]
fn no_address_shows_its_password_whether_we_can_read_it_or_not() {
    for (address, expected) in [
        ("sqlite:/var/lib/r.db", "sqlite:/var/lib/r.db"),
        ("mongodb://me:hunter2@db/x", "mongodb://me:***@db/x"),
        ("mongodb+srv://me:hunter2@db/?proxyPassword=hunter2", "mongodb+srv://me:***@db/?proxyPassword=***"),
        ("postgres://me:hunter2@db/x?password=hunter2", "postgres://***@db/x"),
        ("postgres://db/x?password=hunter2", "postgres://db/x"),
        ("mongodb:me:hunter2@db", "***@db"),
        ("me:hunter2@@db", "***@db"),
    ] {
        assert_eq!(shown("STORE_URL", address), expected);
        assert_eq!(shown("MONGODB_URI", address), expected);
    }
}

#[test]
fn the_checksum_tells_values_apart_and_not_where_they_lie() {
    let one = layers(&[("PORT", "80"), ("API_KEYS", "a,b")]).checksum();
    assert!(one.len() == 12 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
    assert_eq!(one, layers(&[("API_KEYS", "a, b"), ("PORT", "80"), ("CONFIG_DIR", "x")]).checksum());
    assert_ne!(one, layers(&[("PORT", "81"), ("API_KEYS", "a,b")]).checksum());
    assert_ne!(one, layers(&[("PORT", "80"), ("API_KEYS", "a,c")]).checksum(), "secrets count");
    assert_eq!(layers(&[]).checksum(), layers(&[("HOST", "127.0.0.1")]).checksum(), "a default that is written out");
}
