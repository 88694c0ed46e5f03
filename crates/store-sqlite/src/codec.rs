//! Records as rows of the database and back: the encoder and the decoder of `rekindle_records`.

mod decode;
mod encode;

pub(crate) use decode::{Column, Sequenced, entity, entity_of, event, projected, record};
pub(crate) use encode::{RowEncoder, key_parameter, parameter, sqlite_error};
