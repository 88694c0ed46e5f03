//! The table of a machine's states, held against a second writing of it, for every status and every event.

use super::MachineStatus::{self, Maintenance, Offline, Online};
use super::transition::{MachineEvent, step};

/// One row a status, one column an event, in the order of [`MachineEvent::ALL`].
const TABLE: [(MachineStatus, [MachineStatus; 5]); 3] = [
    //            beat         silence      set online  set offline  set maintenance
    (Online, [Online, Offline, Online, Offline, Maintenance]),
    (Offline, [Online, Offline, Online, Offline, Maintenance]),
    (Maintenance, [Maintenance, Maintenance, Online, Offline, Maintenance]),
];

#[test]
fn every_status_and_every_event() {
    assert_eq!(TABLE.map(|(status, _)| status), MachineStatus::ALL);
    for (status, row) in TABLE {
        for (event, expected) in MachineEvent::ALL.into_iter().zip(row) {
            assert_eq!(step(status, event), expected, "{status}, {event:?}");
        }
    }
}
