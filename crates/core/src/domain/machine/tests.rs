//! Compares the state machine of a machine with a table, for every status and every event.

use super::MachineStatus::{self, Maintenance, Offline, Online};
use super::transition::{MachineEvent, step};

/// One row a status, one column an event, in the order of [`MachineEvent::ALL`].
const TABLE: [(MachineStatus, [MachineStatus; 5]); 3] = [
    //            heartbeat    silence      set online  set offline  set maintenance
    (Online, [Online, Offline, Online, Offline, Maintenance]),
    (Offline, [Online, Offline, Online, Offline, Maintenance]),
    (Maintenance, [Maintenance, Maintenance, Online, Offline, Maintenance]),
];

#[test]
fn every_event_in_every_status_follows_the_table() {
    assert_eq!(TABLE.map(|(status, _)| status), MachineStatus::ALL);
    for (status, row) in TABLE {
        for (event, expected) in MachineEvent::ALL.into_iter().zip(row) {
            assert_eq!(step(status, event), expected, "{status}, {event:?}");
        }
    }
}
