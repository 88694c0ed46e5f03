//! The stored responses of idempotent requests, for adapters that answer a repetition.

use super::error::Error;
use super::idempotency::IdempotentRequest;
use super::tracker::Tracker;
use crate::store::{Changes, FindTyped, IdempotencyKey, StoredResponse, queries};

impl Tracker {
    /// Returns the response that is stored under an idempotency key.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn stored_response(&self, key: &IdempotencyKey) -> Result<Option<StoredResponse>, Error> {
        Ok(self.engine.store.read(queries::stored_response(key, self.engine.clock.now())).await?)
    }

    /// Stores the response to a request that caused no commit, or several.
    ///
    /// # Errors
    /// Fails with [`Error::AlreadyAnswered`] when another response is stored already, or if the store fails.
    pub async fn store_response(&self, request: &IdempotentRequest, response: Box<[u8]>) -> Result<(), Error> {
        let stored_response = Some(request.stored_response(response, self.engine.clock.now()));
        self.engine.append(Changes { stored_response, ..Changes::default() }).await?;
        request.mark_stored();
        Ok(())
    }
}
