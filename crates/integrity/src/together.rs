//! Waits for many answers at once. Core has no runtime and no library for futures, and needs no more than this.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// As many are asked at once; a store's queue has room for others too.
const AT_ONCE: usize = 32;

/// The answers, in the order of the questions.
pub async fn all<Q, T, F: Future<Output = T> + Send>(questions: Vec<Q>, mut ask: impl FnMut(Q) -> F) -> Vec<T> {
    let mut questions = questions.into_iter();
    let mut answers = Vec::new();
    loop {
        let asked: Vec<_> = questions.by_ref().take(AT_ONCE).map(&mut ask).collect();
        if asked.is_empty() {
            return answers;
        }
        answers.extend(joined(asked).await);
    }
}

async fn joined<T>(futures: Vec<impl Future<Output = T> + Send>) -> Vec<T> {
    let mut pending: Vec<(Option<Pin<Box<_>>>, Option<T>)> =
        futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    poll_fn(|context| {
        let mut all_done = true;
        for (future, answer) in &mut pending {
            let Some(waiting) = future else { continue };
            match waiting.as_mut().poll(context) {
                Poll::Ready(told) => (*future, *answer) = (None, Some(told)),
                Poll::Pending => all_done = false,
            }
        }
        if all_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, answer)| answer).collect()
}
