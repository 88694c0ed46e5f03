//! The settings of a development server, and its banner.

use rekindle_server::settings::table;
use rekindle_settings::Layers;

use super::*;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn layers(set: &[(&str, &str)], flags: Vec<Flag>) -> Layers {
    let environment = set.iter().copied().collect();
    Sources { environment, with_files: false, ..sources(&Folder::at("d".into()), KEY.to_owned(), flags) }.gather()
}

#[test]
fn everything_has_a_default() {
    let layers = layers(&[], Vec::new());
    assert_eq!(layers.text(&table::STORE_URL), Some("sqlite:d/rekindle.db"));
    assert_eq!(layers.text(&table::API_KEYS), Some(KEY));
    assert_eq!(layers.text(&table::LOG_FORMAT), Some("pretty"));
    assert_eq!(layers.text(&table::ENVIRONMENT), Some("development"));
    let settings = Settings::of(&layers).unwrap();
    assert_eq!((settings.port, settings.rate_limits.per_minute), (3000, 0));
}

#[test]
fn flags_win_over_the_environment_and_both_over_the_defaults() {
    let port = Flag { name: "--port", setting: &table::PORT, value: "0".to_owned() };
    let set = [("PORT", "1"), ("LOG_FORMAT", "json"), ("STORE_URL", "sqlite:x"), ("API_KEYS", "a")];
    let set = layers(&set, vec![port]);
    assert_eq!(set.text(&table::PORT), Some("0"));
    assert_eq!(set.text(&table::LOG_FORMAT), Some("json"));
    assert_eq!(set.text(&table::STORE_URL), Some("sqlite:x"));
    assert_eq!(set.text(&table::API_KEYS), Some(format!("a,{KEY}").as_str()));
    let mongo = Settings::of(&layers(&[("MONGODB_URI", "mongodb://h")], Vec::new())).unwrap();
    assert_eq!(mongo.store_from, "MONGODB_URI");
}

#[test]
fn a_server_on_all_addresses_is_reached_on_the_loopback() {
    let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
    assert_eq!(reached("0.0.0.0:3000"), "127.0.0.1:3000");
    assert_eq!(reached("[::]:3000"), "[::1]:3000");
    assert_eq!(reached("10.1.2.3:3000"), "10.1.2.3:3000");
}

#[test]
fn the_banner_names_a_folder_that_needs_the_data_flag() {
    let shown = banner("http://127.0.0.1:3000", &Folder::at("/d/state".into()), true, false);
    assert!(
        shown.contains("rekindle --data /d/state run") && shown.contains("/d/state/api-key (made just now)"),
        "{shown}"
    );
    let near = banner("http://127.0.0.1:3000", &Folder::at("/d/.rekindle".into()), false, true);
    assert!(near.contains("  rekindle run") && !near.contains("made"), "{near}");
}
