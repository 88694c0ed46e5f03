//! Ids that Rekindle generates: UUID v4, displayed hyphenated and in lower case.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::InvalidValue;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            /// Accepts the hyphenated form only: Rekindle writes no other, so another form points to a mistake of the
            /// client.
            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Ok(Self(id)),
                    Ok(_) | Err(_) => Err(InvalidValue::new("must be a UUID such as 6fa459ea-ee8a-4ca4-894e-db77e160355e")),
                }
            }
        }
    };
}

uuid_id!(
    /// The id of a session.
    SessionId
);
uuid_id!(
    /// The id of a task.
    TaskId
);
uuid_id!(
    /// The id of an API key. It is not the secret that is sent with a request.
    KeyId
);
