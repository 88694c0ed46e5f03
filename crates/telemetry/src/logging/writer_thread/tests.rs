//! The queue between those who log and the thread that writes.

use super::*;

#[test]
fn what_does_not_fit_is_counted() {
    let queue = Queue::new();
    let line = vec![b'x'; CAPACITY / 2];
    for _ in 0..5 {
        queue.push(&line);
    }
    let mut batch = Batch::default();
    queue.take(&mut batch);
    assert_eq!((batch.lines.len(), batch.lost), (CAPACITY, 3));
    queue.push(&vec![b'y'; CAPACITY + 1]);
    queue.take(&mut batch);
    assert_eq!((batch.lines.len(), batch.lost), (CAPACITY + 1, 0), "a single line always fits");
}

#[test]
fn a_flush_waits_until_everything_is_written() {
    let queue = Arc::new(Queue::new());
    queue.push(b"one\n");
    let mine = Arc::clone(&queue);
    let (taken, told) = std::sync::mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut batch = Batch::default();
        mine.take(&mut batch);
        taken.send(batch.lines.clone()).unwrap();
        mine.take(&mut batch);
    });
    queue.flush();
    assert_eq!(told.try_recv().unwrap(), b"one\n", "it was written before the wait was over");
}

#[test]
fn a_writer_that_hangs_does_not_hold_up_the_end() {
    let queue = Queue::new();
    queue.push(b"one\n");
    queue.flush();
    assert!(queue.state().has_work(), "nobody wrote it");
}
