//! Records as rows of the database and back: what `rekindle_records` asks of a store.

mod decode;
mod encode;

pub(crate) use decode::{Sequenced, event, expired, live_session, record, stored_response};
pub(crate) use encode::{RowEncoder, key_parameter};
