//! How long a store is waited for: a primary that is elected anew, a database that is busy. Only what wrote nothing is
//! asked again here; what is done when the outcome of a write is unknown is the import's to decide.

use std::time::Duration;

use rekindle_core::StoreError;

/// As often it is asked: with the waits in between, for half a minute.
const TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often something was tried.
#[derive(Debug, Default)]
pub struct Patience(u32);

impl Patience {
    /// Waits before the next try; answers whether there is one.
    pub async fn next(&mut self) -> bool {
        self.0 += 1;
        if self.0 >= TRIES {
            return false;
        }
        let wait = (FIRST_WAIT * 2_u32.pow(self.0.min(10))).min(LONGEST_WAIT);
        // Somewhere between half of it and all of it, so that nobody asks in step with others.
        tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        true
    }
}

/// The answer to a question, also when it takes a while.
///
/// # Errors
/// The store's, when it stays so.
pub async fn asked<T>(mut ask: impl AsyncFnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut patience = Patience::default();
    loop {
        match ask().await {
            Err(error) if error.says_nothing_was_written() && patience.next().await => {}
            answer => return answer,
        }
    }
}
