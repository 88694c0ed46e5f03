//! Free ports, and reading a log.

use std::net::{Ipv4Addr, TcpListener};

use super::{free_port, log_tail, read_from};

#[test]
fn free_port_is_not_one_for_outgoing_connections() {
    for _ in 0..20 {
        let port = free_port().unwrap();
        assert!((20_000..32_000).contains(&port));
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}

#[test]
fn only_new_lines_of_a_log_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mongod.log");
    assert_eq!(read_from(&log, 0), "");
    std::fs::write(&log, "old\nnew\n").unwrap();
    assert_eq!(read_from(&log, 4), "new\n");
    std::fs::write(folder.path().join("mongod.out"), "unrecognised option\n").unwrap();
    assert!(log_tail(folder.path()).contains("unrecognised option") && log_tail(folder.path()).contains("new"));
}
