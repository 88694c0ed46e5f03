//! The little of HTTP that the load generator reads, and its arithmetic.

use std::time::Duration;

use super::{parse_head, quantile};

#[test]
fn a_head_is_read_once_it_is_whole() {
    let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nX: y\r\n\r\nhello";
    for cut in 0..45 {
        assert!(parse_head(&answer[..cut]).unwrap().is_none(), "{cut} bytes are no whole head");
    }
    let (status, start, length) = parse_head(answer).unwrap().unwrap();
    assert_eq!((status, &answer[start..start + length]), (201, b"hello".as_slice()));
}

#[test]
fn an_answer_of_unknown_length_is_refused() {
    assert!(parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    assert!(parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().is_some());
}

#[test]
fn quantiles_are_values_that_occurred() {
    let micros: Vec<u32> = (1..=200).collect();
    assert_eq!(quantile(&micros, 0.50).unwrap(), Duration::from_micros(100));
    assert_eq!(quantile(&micros, 0.99).unwrap(), Duration::from_micros(198));
    assert_eq!(quantile(&[7], 0.99).unwrap(), Duration::from_micros(7));
    assert!(quantile(&[], 0.5).is_err());
}
