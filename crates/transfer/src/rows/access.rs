//! The line of an API key: of its secret only the hash, as in the store. Also bytes as hexadecimal digits.

use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::{ApiKey, InvalidValue, KeyId, Timestamp, Versioned};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{At, field, millis, optional, text, time};

/// The line of an API key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRow {
    id: Uuid,
    version: At,
    name: String,
    secret_sha256: String,
    role: String,
    project_id: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    replaced_by: Option<Uuid>,
}

impl From<&Versioned<ApiKey>> for KeyRow {
    fn from(Versioned { value, version }: &Versioned<ApiKey>) -> Self {
        Self {
            id: value.id.0,
            version: (*version).into(),
            name: value.name.to_string(),
            secret_sha256: digits(&value.secret.0),
            role: value.role.to_string(),
            project_id: value.project_id.as_ref().map(ToString::to_string),
            created_at: value.created_at.millis(),
            expires_at: millis(value.expires_at),
            revoked_at: millis(value.revoked_at),
            replaced_by: value.replaced_by.map(|key| key.0),
        }
    }
}

impl KeyRow {
    /// Returns the API key.
    pub(super) fn versioned(self) -> Result<Versioned<ApiKey>, InvalidValue> {
        let value = ApiKey {
            id: KeyId(self.id),
            name: text("name", self.name)?,
            secret: field("secret_sha256", bytes(&self.secret_sha256).map(SecretHash))?,
            role: field("role", self.role.parse())?,
            project_id: optional("project_id", self.project_id)?,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: time(self.expires_at),
            revoked_at: time(self.revoked_at),
            replaced_by: self.replaced_by.map(KeyId),
        };
        Ok(Versioned { value, version: self.version.version()? })
    }
}

/// Formats each byte as two hexadecimal digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Result<[u8; 32], InvalidValue> {
    let fault = || InvalidValue::new("must be 64 hexadecimal digits");
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(fault());
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).ok_or_else(fault)?;
    }
    Ok(bytes)
}
