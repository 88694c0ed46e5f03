//! The record of an API key. Of its secret only the hash is stored.

use rekindle_core::domain::api_key::{ApiKey, SecretHash};
use rekindle_core::values::{KeyId, ProjectId};

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::index::Index;
use crate::record::Record;

crate::declare_fields! {
    /// Names the record.
    ID = Field::uuid("id").named_in_documents("_id");
    /// What it is called.
    NAME = Field::text("name").up_to(200).mutable();
    /// The SHA-256 of its secret.
    SECRET = Field::bytes("secret").mutable();
    /// What it may do.
    ROLE = Field::text("role").mutable().one_of(rekindle_core::domain::api_key::Role::TEXTS);
    /// The one project that it may see; absent: all.
    PROJECT_ID = Field::text("project_id").up_to(200).nullable();
    /// When it was made.
    CREATED_AT = Field::time("created_at");
    /// When it expires.
    EXPIRES_AT = Field::time("expires_at").nullable().mutable();
    /// When it was revoked.
    REVOKED_AT = Field::time("revoked_at").nullable().mutable();
    /// The key that takes its place.
    REPLACED_BY = Field::uuid("replaced_by").nullable().mutable();
}

use fields::{CREATED_AT, EXPIRES_AT, ID, NAME, PROJECT_ID, REPLACED_BY, REVOKED_AT, ROLE, SECRET};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "api_keys",
    fields: fields::ALL,
    key: Some(&ID),
    sequence: "seq",
    versioned: true,
    unique: &[],
    indexes: &[Index::of("created", &[]).by_creation(&CREATED_AT)],
    counted: None,
    // There are few: a document store sorts them all.
    document_indexes: Some(&[]),
};

impl Record for ApiKey {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&ID, self.id.0.into())?;
        to.put(&NAME, self.name.as_str().into())?;
        to.put(&SECRET, (&self.secret.0).into())?;
        to.put(&ROLE, self.role.as_str().into())?;
        to.put(&PROJECT_ID, self.project_id.as_ref().map(ProjectId::as_str).into())?;
        to.put(&CREATED_AT, self.created_at.into())?;
        to.put(&EXPIRES_AT, self.expires_at.into())?;
        to.put(&REVOKED_AT, self.revoked_at.into())?;
        to.put(&REPLACED_BY, self.replaced_by.map(|id| id.0).into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            id: KeyId(from.uuid(&ID)?),
            name: from.text(&NAME)?,
            secret: SecretHash(from.hash(&SECRET)?),
            role: from.text(&ROLE)?,
            project_id: from.optional_text(&PROJECT_ID)?,
            created_at: from.time(&CREATED_AT)?,
            expires_at: from.optional_time(&EXPIRES_AT)?,
            revoked_at: from.optional_time(&REVOKED_AT)?,
            replaced_by: from.optional_uuid(&REPLACED_BY)?.map(KeyId),
        })
    }
}
