//! Tests of `lease`: what only this store's own clock can show. The rest is `rekindle_testkit::conformance::leases`.

use rekindle_testkit::sample::uuid;

use super::*;
use crate::open;
use crate::options::SqliteOptions;

fn asks(holder: u64) -> Claim {
    Claim { lease: LeaseName::Detection, holder: uuid(holder), ttl: Duration::from_secs(3600) }
}

#[test]
fn a_lease_from_the_future_holds_nobody_up() {
    let db = open::writer(&SqliteOptions::default()).unwrap();
    let first = claim(&db, &asks(1)).unwrap().unwrap();
    assert_eq!(claim(&db, &asks(2)).unwrap(), None);
    // As if the clock had been set back by a day since.
    db.execute_batch("UPDATE leases SET since = since + 86400000, until = until + 86400000").unwrap();
    let second = claim(&db, &asks(2)).unwrap().unwrap();
    assert!(second.token > first.token);
    assert!(!is_current(&db, first).unwrap());
    assert!(is_current(&db, second).unwrap());
}

#[test]
fn a_lease_of_ages_is_no_overflow() {
    let db = open::writer(&SqliteOptions::default()).unwrap();
    let first = claim(&db, &Claim { ttl: Duration::MAX, ..asks(1) }).unwrap().unwrap();
    assert_eq!(claim(&db, &asks(2)).unwrap(), None);
    assert!(is_current(&db, first).unwrap());
    assert!(!is_current(&db, Fence { token: u64::MAX, ..first }).unwrap());
}
