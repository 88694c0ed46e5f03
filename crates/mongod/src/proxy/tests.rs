//! Which links a cut concerns, and how a socket's owner is found.

use super::{Link, Partition, socket_inode};

#[test]
fn cut_concerns_both_directions_of_one_node() {
    let cuts = vec![None, Some(Partition::Silent), None];
    let link = |from, to| Link { from, to }.cut(&cuts);
    assert_eq!(link(Some(0), 1), Some(Partition::Silent), "to it, from a member");
    assert_eq!(link(None, 1), Some(Partition::Silent), "to it, from a client");
    assert_eq!(link(Some(1), 2), Some(Partition::Silent), "from it");
    assert_eq!(link(Some(1), 1), None, "to itself");
    assert_eq!(link(Some(0), 2), None, "between others");
    assert_eq!(link(None, 0), None, "from a client to another");
}

#[test]
fn closed_wins_over_silent() {
    let cuts = vec![Some(Partition::Silent), Some(Partition::Closed)];
    assert_eq!(Link { from: Some(0), to: 1 }.cut(&cuts), Some(Partition::Closed));
    assert_eq!(Link { from: Some(1), to: 0 }.cut(&cuts), Some(Partition::Closed));
}

#[cfg(target_endian = "little")]
#[test]
fn socket_is_found_by_both_its_ends() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100\n\
                 1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 222 1 0 100\n\
                 2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0 100\n";
    assert_eq!(socket_inode(table, 0xC001, 0x1F90), Some("333"));
    assert_eq!(socket_inode(table, 0x1F90, 0xC001), Some("222"));
    assert_eq!(socket_inode(table, 0xC001, 0x1F91), None);
}
