//! A call ends when another server becomes primary, and not before.

use std::future::pending;
use std::time::Duration;

use mongodb::options::ServerAddress;

use super::PrimaryMonitor;

const LONG: Duration = Duration::from_secs(3600);

fn server(port: u16) -> ServerAddress {
    ServerAddress::Tcp { host: "db".to_owned(), port: Some(port) }
}

#[tokio::test(start_paused = true)]
async fn new_primary_ends_the_calls_to_the_old_one() {
    let monitor = PrimaryMonitor::default();
    monitor.set_primary(server(1));
    let call = tokio::spawn({
        let monitor = monitor.clone();
        async move { monitor.run_until_failover(LONG, pending::<()>()).await }
    });
    tokio::task::yield_now().await;
    monitor.set_primary(server(2));
    assert_eq!(call.await.unwrap(), None);
    assert_eq!(monitor.run_until_failover(Duration::from_secs(5), async { 7 }).await, Some(7), "to the new one");
}

#[tokio::test(start_paused = true)]
async fn first_or_same_primary_ends_no_call() {
    let monitor = PrimaryMonitor::default();
    let started = tokio::time::Instant::now();
    let call = tokio::spawn({
        let monitor = monitor.clone();
        async move { monitor.run_until_failover(LONG, pending::<()>()).await }
    });
    tokio::task::yield_now().await;
    monitor.set_primary(server(1));
    monitor.set_primary(server(1));
    assert_eq!(call.await.unwrap(), None);
    assert!(started.elapsed() >= LONG, "only the limit ended it");
}
