//! What the smaller reader refuses.

use serde_json::json;

use super::*;

const POLICY: &str = r#"
[graph]
all-features = true
[advisories]
yanked = "deny"
[licenses]
allow = ["MIT"]
unused-allowed-license = "allow"
exceptions = [{ crate = "odd", allow = ["MPL-2.0"] }]
[licenses.private]
ignore = true
[bans]
multiple-versions = "warn"
wildcards = "deny"
allow-wildcard-paths = true
deny = [{ crate = "openssl", reason = "no" }, { crate = "h2@<0.4.16", reason = "old" }]
[sources]
unknown-registry = "deny"
unknown-git = "deny"
allow-registry = ["https://example.org/index"]
"#;

fn package(name: &str, version: &str, licence: Option<&str>, source: Option<&str>) -> Package {
    serde_json::from_value(json!({
        "name": name, "version": version, "id": format!("{name} {version}"), "license": licence, "license_file": null,
        "description": null, "source": source, "dependencies": [], "targets": [], "features": {},
        "manifest_path": "/Cargo.toml", "metadata": null, "publish": null, "authors": [], "categories": [],
        "keywords": [], "readme": null, "repository": null, "homepage": null, "documentation": null,
        "edition": "2024", "links": null, "default_run": null, "rust_version": null,
    }))
    .unwrap()
}

fn faults(name: &str, version: &str, licence: Option<&str>, source: &str) -> usize {
    let policy = policy(POLICY).unwrap();
    check(&policy, &package(name, version, licence, Some(source))).unwrap().len()
}

const INDEX: &str = "registry+https://example.org/index";

#[test]
fn an_allowed_package_has_no_fault() {
    assert_eq!(faults("good", "1.0.0", Some("MIT OR GPL-3.0"), INDEX), 0);
    assert_eq!(faults("odd", "1.0.0", Some("MPL-2.0"), INDEX), 0);
    assert_eq!(faults("h2", "0.4.16", Some("MIT"), INDEX), 0);
}

#[test]
fn licences_bans_and_sources_are_each_checked() {
    assert_eq!(faults("bad", "1.0.0", Some("GPL-3.0"), INDEX), 1);
    assert_eq!(faults("bad", "1.0.0", Some("MPL-2.0"), INDEX), 1);
    assert_eq!(faults("silent", "1.0.0", None, INDEX), 1);
    assert_eq!(faults("openssl", "1.0.0", Some("MIT"), INDEX), 1);
    assert_eq!(faults("h2", "0.3.27", Some("MIT"), INDEX), 1);
    assert_eq!(faults("good", "1.0.0", Some("MIT"), "registry+https://elsewhere.example.org/index"), 1);
    assert_eq!(faults("good", "1.0.0", Some("MIT"), "git+https://example.org/good#abc"), 1);
    assert_eq!(faults("openssl", "1.0.0", Some("GPL-3.0"), "git+https://example.org/openssl"), 3);
}

#[test]
fn an_unknown_rule_is_an_error() {
    assert!(policy(&POLICY.replace("wildcards = \"deny\"", "wildcards = \"deny\"\nhighlight = \"all\"")).is_err());
    assert!(policy(&sources::read("deny.toml").unwrap()).is_ok());
}
