//! Which names in a query are metrics.

use super::*;

#[test]
fn metrics_are_found_in_a_query() {
    let query = "sum by (job) (rate(heartbeat_latency_ms_bucket{job=\"$job\"}[5m])) / rekindle_store_up > process_max_fds or up";
    let found: Vec<String> = metrics(query).collect();
    assert_eq!(found, ["heartbeat_latency_ms_bucket", "rekindle_store_up", "process_max_fds"]);
}

#[test]
fn a_histogram_is_known_by_its_parts() {
    let exposed = BTreeSet::from(["rekindle_store_batch_size".to_owned()]);
    assert!(is_exposed("rekindle_store_batch_size_bucket", &exposed));
    assert!(is_exposed("rekindle_store_batch_size", &exposed));
    assert!(!is_exposed("rekindle_store_bach_size_bucket", &exposed));
}

#[test]
fn the_files_name_metrics() {
    assert!(metrics_exist().is_ok());
}
