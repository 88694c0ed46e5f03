//! What a missing answer means, by how far the thread had come.

use super::*;

const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn an_answer_arrives() {
    let (answer, wait) = completion();
    assert!(answer.begin());
    answer.send(7);
    assert_eq!(wait.written(LONG).await, Ok(7));
}

#[tokio::test]
async fn a_thread_that_ends_before_it_begins_has_written_nothing() {
    let (answer, wait) = completion::<()>();
    drop(answer);
    assert!(matches!(wait.written(LONG).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_thread_that_ends_half_way_leaves_doubt() {
    let (answer, wait) = completion::<()>();
    assert!(answer.begin());
    drop(answer);
    assert!(matches!(wait.written(LONG).await, Err(StoreError::Unknown(_))));
}

#[tokio::test]
async fn a_late_answer_leaves_doubt_only_if_it_was_begun() {
    let (begun, wait) = completion::<()>();
    assert!(begun.begin());
    assert!(matches!(wait.written(SHORT).await, Err(StoreError::Unknown(_))));
    let (waiting, wait) = completion::<()>();
    assert!(matches!(wait.written(SHORT).await, Err(StoreError::TimedOut(_))));
    assert!(!waiting.begin(), "what was withdrawn is not begun");
}

#[tokio::test]
async fn a_read_leaves_no_doubt() {
    let (late, wait) = completion::<()>();
    assert!(late.begin());
    assert!(matches!(wait.read(SHORT).await, Err(StoreError::TimedOut(_))));
    let (dead, wait) = completion::<()>();
    assert!(dead.begin());
    drop(dead);
    assert!(matches!(wait.read(LONG).await, Err(StoreError::Unavailable(_))));
}
