//! How the text of an answer is read.

use serde::de::DeserializeOwned;
use serde_json::Error;

pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
}

pub(crate) fn text(text: &str) -> Result<String, Error> {
    Ok(text.to_owned())
}

pub(crate) fn nothing(_: &str) -> Result<(), Error> {
    Ok(())
}
