//! An event as a document: its record, and what the log needs beside it.

use bson::{Document, RawDocument};
use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::store::{EventPosition, RecordedEvent, StoreError};
use rekindle_records::Record;
use uuid::Uuid;

use super::fields::{decode, missing};
use super::mark_id;
use super::record::Parts;

/// Encodes a new event: pending, without a position.
pub(crate) fn new(event: &Event, mark: Uuid) -> Result<Document, StoreError> {
    let mut document = bson::doc! { "_id": mark_id(mark) };
    document.extend(Parts::of_record(event)?.document(|_| true));
    if event.subject == Subject::Service {
        document.insert("service", true);
    }
    if event.deleted_with_session().is_none() {
        document.insert("loose", true);
    }
    document.insert("pending", true);
    Ok(document)
}

/// Decodes an event that has its position.
pub(crate) fn read(document: &RawDocument) -> Result<RecordedEvent, StoreError> {
    decode("events", "_id", document, |fields| {
        let event = Event::decode(fields).map_err(|error| error.to_string())?;
        let is_of_service = fields.raw("service").and_then(bson::raw::RawBsonRef::as_bool).unwrap_or(false);
        if is_of_service != (event.subject == Subject::Service) {
            return Err("it happened to no subject, or to two".to_owned());
        }
        let position: u64 = fields.number_or_none("position")?.ok_or_else(|| missing("position"))?;
        Ok(RecordedEvent { position: EventPosition(position.to_string().into_boxed_str()), event })
    })
}
