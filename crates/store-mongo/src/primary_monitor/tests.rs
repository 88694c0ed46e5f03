//! Who was asked is lost when another leads, and not before.

use std::future::pending;
use std::time::Duration;

use mongodb::options::ServerAddress;

use super::PrimaryMonitor;

const LONG: Duration = Duration::from_secs(3600);

fn server(port: u16) -> ServerAddress {
    ServerAddress::Tcp { host: "db".to_owned(), port: Some(port) }
}

#[tokio::test(start_paused = true)]
async fn another_leader_is_a_loss() {
    let losses = PrimaryMonitor::default();
    losses.leads(server(1));
    let waits = tokio::spawn({
        let losses = losses.clone();
        async move { losses.run_until_failover(LONG, pending::<()>()).await }
    });
    tokio::task::yield_now().await;
    losses.leads(server(2));
    assert_eq!(waits.await.unwrap(), None);
    assert_eq!(losses.run_until_failover(Duration::from_secs(5), async { 7 }).await, Some(7), "the new one is asked");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_seen_first_or_again_is_none() {
    let losses = PrimaryMonitor::default();
    let began = tokio::time::Instant::now();
    let waits = tokio::spawn({
        let losses = losses.clone();
        async move { losses.run_until_failover(LONG, pending::<()>()).await }
    });
    tokio::task::yield_now().await;
    losses.leads(server(1));
    losses.leads(server(1));
    assert_eq!(waits.await.unwrap(), None);
    assert!(began.elapsed() >= LONG, "only the limit ended it");
}
