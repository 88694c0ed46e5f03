//! What a development server is told, and what it tells.

use super::*;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn told(set: &[(&str, &str)], port: Option<u16>) -> Environment {
    let args = DevArgs { host: None, port };
    environment(set.iter().copied().collect(), &args, &Folder::at("d".into()), KEY)
}

#[test]
fn everything_has_a_default() {
    let env = told(&[], None);
    assert_eq!(env.get("STORE_URL"), Some("sqlite:d/rekindle.db"));
    assert_eq!(env.get("API_KEYS"), Some(KEY));
    assert_eq!(env.get("LOG_FORMAT"), Some("pretty"));
    assert_eq!(env.get("ENVIRONMENT"), Some("development"));
    assert_eq!(env.get("PORT"), None);
    assert!(Settings::read(&env).is_ok());
}

#[test]
fn what_is_set_stands_and_flags_come_first() {
    let env = told(&[("PORT", "1"), ("LOG_FORMAT", "json"), ("STORE_URL", "sqlite:x"), ("API_KEYS", "a")], Some(0));
    assert_eq!(env.get("PORT"), Some("0"));
    assert_eq!(env.get("LOG_FORMAT"), Some("json"));
    assert_eq!(env.get("STORE_URL"), Some("sqlite:x"));
    assert_eq!(env.get("API_KEYS"), Some(format!("a,{KEY}").as_str()));
    assert_eq!(told(&[("MONGODB_URI", "mongodb://h")], None).get("STORE_URL"), None);
}

#[test]
fn a_server_that_listens_everywhere_is_reached_here() {
    let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
    assert_eq!(reached("0.0.0.0:3000"), "127.0.0.1:3000");
    assert_eq!(reached("[::]:3000"), "[::1]:3000");
    assert_eq!(reached("10.1.2.3:3000"), "10.1.2.3:3000");
}

#[test]
fn the_banner_names_a_folder_that_is_not_found_by_itself() {
    let shown = banner("http://127.0.0.1:3000", &Folder::at("/d/state".into()), true, false);
    assert!(
        shown.contains("rekindle --data /d/state run") && shown.contains("/d/state/api-key (made just now)"),
        "{shown}"
    );
    let near = banner("http://127.0.0.1:3000", &Folder::at("/d/.rekindle".into()), false, true);
    assert!(near.contains("  rekindle run") && !near.contains("made"), "{near}");
}
