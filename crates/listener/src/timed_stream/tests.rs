//! The deadlines of a connection, on real sockets and with time in hand: it leaps when nothing else is to be done.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::connections::Connections;

/// A connection, and its other end.
async fn pair() -> (TimedStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    (
        TimedStream::new(
            Transport::Plain(stream),
            Some(peer),
            Guard::new(Arc::default()),
            protocol_errors::tests::error_body,
        ),
        other,
    )
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let (mut io, _reader) = pair().await;
    tokio::time::pause();
    let began = Instant::now();
    let chunk = vec![b'x'; 1 << 20];
    let error = loop {
        if let Err(error) = io.write(&chunk).await {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!((WRITE_TIMEOUT..WRITE_TIMEOUT * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection_with_words() {
    let (mut io, mut other) = pair().await;
    other.write_all(b"GET /hea").await.unwrap();
    let mut bytes = [0; 64];
    assert_eq!(io.read(&mut bytes).await.unwrap(), 8);
    tokio::time::pause();
    let began = Instant::now();
    assert_eq!(io.read(&mut bytes).await.unwrap(), 0, "as if the client had ended");
    assert!(began.elapsed() >= HEAD_TIMEOUT - Duration::from_secs(1), "{:?}", began.elapsed());
    io.shutdown().await.unwrap();
    let mut said = String::new();
    other.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("timeout"), "{said}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_has_come_is_not_hurried() {
    let (mut io, mut other) = pair().await;
    tokio::time::pause();
    let mut bytes = [0; 64];
    let nothing = tokio::time::timeout(HEAD_TIMEOUT * 100, io.read(&mut bytes)).await;
    assert!(nothing.is_err(), "how long it may be idle is for others to say");
    tokio::time::resume();
    other.write_all(b"x").await.unwrap();
    assert_eq!(io.read(&mut bytes).await.unwrap(), 1);
}

#[tokio::test]
async fn a_status_without_words_gets_words() {
    let (mut io, mut other) = pair().await;
    let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(poll_fn(|cx| Pin::new(&mut io).poll_write(cx, bare)).await.unwrap(), bare.len());
    io.shutdown().await.unwrap();
    let mut said = String::new();
    other.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("validation_failed"), "{said}");
    assert_eq!(said.matches("HTTP/1.1 400").count(), 1, "{said}");
}

#[tokio::test]
async fn a_connection_is_counted_while_it_is_open() {
    let connections: Arc<Connections> = Arc::default();
    let guard = Guard::new(Arc::clone(&connections));
    assert_eq!(connections.count(), 1);
    drop(guard);
    connections.none_left().await;
}
