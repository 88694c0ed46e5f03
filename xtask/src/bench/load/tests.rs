//! The subset of HTTP that the load generator reads, and its arithmetic.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Connection, Plan, ask_until, parse_head, quantile};

#[test]
fn a_head_is_read_once_it_is_complete() {
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

#[tokio::test]
async fn the_count_ends_when_the_requests_are_used_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut request, mut seen) = ([0; 64], Vec::new());
        while stream.read(&mut request).await.unwrap() > 0 {
            seen.push(request[0]);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        seen
    });
    let start = Instant::now();
    let plan = Arc::new(Plan {
        step: 2,
        requests: 9,
        render: Arc::new(|number, request| request.push(b'0' + number as u8)),
        expect: 200,
        counted: start..start + Duration::from_secs(600),
        used_up: OnceLock::new(),
    });
    let tally = ask_until(connection, 1, Arc::clone(&plan)).await.unwrap();
    assert_eq!(server.await.unwrap(), b"1357");
    assert_eq!((tally.in_time, tally.micros.len()), (4, 4));
    assert!(plan.used_up.get().is_some_and(|end| plan.counted.contains(end)));
}
