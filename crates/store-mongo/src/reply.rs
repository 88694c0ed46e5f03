//! What the reply to a write command says.

use bson::{Bson, Document};

/// Returns how many rows a command found; of an update, how many it matched.
pub(crate) fn row_count(reply: &Document) -> u64 {
    let count = match reply.get("n") {
        Some(Bson::Int32(n)) => i64::from(*n),
        Some(Bson::Int64(n)) => *n,
        Some(_) | None => 0,
    };
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
