//! An API key as a document. Its `_id` is the key's own id, as text; the mark, which orders keys of the same
//! millisecond, is a field. Of the secret only a hash is stored.

use bson::{Document, RawDocument, doc};
use rekindle_core::ApiKey;
use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::store::{StoreError, Version, Versioned};
use rekindle_core::values::ProjectId;
use uuid::Uuid;

use super::fields::decode;
use super::{Marked, Parts, bytes, date, mark_id, set};

const MUTABLE_FIELDS: &[&str] = &["name", "secret", "role", "expires_at", "revoked_at", "replaced_by"];

fn parts(key: &ApiKey) -> Parts {
    let mut immutable = doc! { "created_at": date(key.created_at) };
    set(&mut immutable, "project_id", key.project_id.as_ref().map(ProjectId::as_str));
    let mut mutable = doc! { "name": key.name.as_str(), "secret": bytes(&key.secret.0), "role": key.role.as_str() };
    set(&mut mutable, "expires_at", key.expires_at.map(date));
    set(&mut mutable, "revoked_at", key.revoked_at.map(date));
    set(&mut mutable, "replaced_by", key.replaced_by.map(|id| id.to_string()));
    Parts { immutable, mutable, mutable_names: MUTABLE_FIELDS, last_heartbeat: None }
}

/// Encodes a new row: revision 1, no touches.
pub(crate) fn new(key: &ApiKey, mark: Uuid) -> Document {
    let mut document = parts(key).new_document(mark);
    document.insert("_id", key.id.to_string());
    document.insert("mark", mark_id(mark));
    document
}

/// Returns the update of a row at this version.
pub(crate) fn changes(key: &ApiKey, at: Version) -> Document {
    parts(key).update(at)
}

pub(crate) fn read(document: &RawDocument) -> Result<Marked<ApiKey>, StoreError> {
    decode("api_keys", "_id", document, |fields| {
        let value = ApiKey {
            id: fields.parsed("_id")?,
            created_at: fields.time("created_at")?,
            project_id: fields.parsed_or_none("project_id")?,
            name: fields.parsed("name")?,
            secret: SecretHash(fields.hash("secret")?),
            role: fields.parsed("role")?,
            expires_at: fields.time_or_none("expires_at")?,
            revoked_at: fields.time_or_none("revoked_at")?,
            replaced_by: fields.parsed_or_none("replaced_by")?,
        };
        let version = fields.version()?;
        Ok(Marked { mark: fields.mark_in("mark")?, entity: Versioned { value, version } })
    })
}
