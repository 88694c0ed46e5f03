//! Parsing of a server's output and of the kernel's files.

use super::{kibibytes, port_in, seconds_used};

#[test]
fn the_port_is_found_in_plain_text_and_in_json() {
    assert_eq!(port_in("listening on 127.0.0.1:43210\n"), Some(43210));
    let json = r#"{"message":"Starting","context":{"store":"mongodb://127.0.0.1:27017/"}}
        {"message":"listening on http://127.0.0.1:43210","context":{"address":"127.0.0.1:43210"}}"#;
    assert_eq!(port_in(json), Some(43210));
    assert_eq!(port_in("asked for 127.0.0.1:0, listening on 127.0.0.1:43210\n"), Some(43210));
}

#[test]
fn an_incomplete_line_has_no_port() {
    assert_eq!(port_in("listening on 127.0.0.1:432"), None);
    assert_eq!(port_in("nothing yet\n"), None);
}

#[test]
fn memory_is_read_by_its_field() {
    let status = "Name:\tx\nVmHWM:\t   9000 kB\nVmRSS:\t   8000 kB\n";
    assert_eq!((kibibytes(status, "VmRSS:"), kibibytes(status, "VmHWM:")), (Some(8000), Some(9000)));
    assert_eq!(kibibytes(status, "VmSwap:"), None);
}

#[test]
fn processor_time_is_found_after_any_name() {
    let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9 0";
    assert_eq!(seconds_used(&format!("77 (mongod) {rest}")), Some(3.0));
    assert_eq!(seconds_used(&format!("77 (a) b (c) {rest}")), Some(3.0));
    assert_eq!(seconds_used("77 (mongod) S 1 2"), None);
}
