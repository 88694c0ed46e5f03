//! Values that differ from run to run are replaced.

use super::{Ids, steady};

#[test]
fn ids_are_numbered_in_the_order_of_their_appearance() {
    let mut ids = Ids::default();
    let (one, two) = ("6fa459ea-ee8a-4ca4-894e-db77e160355e", "16fd2706-8baf-433b-82eb-8c7fada847da");
    let first = steady(&format!("[\"{one}\",\"{two}\",\"{one}\"]"), &mut ids);
    let known = |n: u32| format!("0c4f9a6e-0000-4000-8000-{n:012}");
    assert_eq!(first, format!("[\"{0}\",\"{1}\",\"{0}\"]", known(1), known(2)));
    assert_eq!(steady(two, &mut ids), known(2));
}

#[test]
fn measurements_are_fixed_and_null_stays_null() {
    let body = r#"{"uptime":1.25,"jobs":[{"last_run":null},{"last_run":"2026-11-21T00:00:00.000Z"}]}"#;
    let expected = r#"{"uptime":86400.5,"jobs":[{"last_run":null},{"last_run":"2026-01-19T08:30:00.000Z"}]}"#;
    assert_eq!(steady(body, &mut Ids::default()), expected);
}
