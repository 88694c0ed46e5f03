//! The connection of a command to its server: a client of the API, and its errors as messages for people.

use std::path::Path;

use anyhow::anyhow;
use rekindle_client::{Answer, Certificate, Client, ClientError, Request};

use crate::error::{CliError, Refused, Unreachable};
use crate::hints;
use crate::target::Target;

/// A client of one server, and where that server's URL comes from.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    target: Target,
}

impl Connection {
    /// Returns a client of this server. Nothing is sent yet.
    ///
    /// # Errors
    /// Fails if the key cannot be sent or the certificates cannot be read.
    pub(crate) fn new(target: Target) -> Result<Self, CliError> {
        let certificates = target.ca.as_deref().map_or_else(|| Ok(Vec::new()), certificates)?;
        let client = Client::new(target.url.clone(), Some(&target.key), certificates);
        let client = client.map_err(|error| CliError::Unexpected(error.into()))?;
        Ok(Self { client, target })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request of the client.
    ///
    /// # Errors
    /// Fails if the server refuses, does not answer, or is not a Rekindle server.
    pub(crate) async fn send<T>(&self, request: impl FnOnce(&Client) -> Request<T>) -> Result<Answer<T>, CliError> {
        request(&self.client).send().await.map_err(|error| cli_error(&self.target, error))
    }
}

/// Reads the certificates of a file.
pub(crate) fn certificates(file: &Path) -> Result<Vec<Certificate>, CliError> {
    let wrong = |why: String| CliError::Configuration(format!("the file that --ca or REKINDLE_CA_FILE names {why}"));
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {shown}: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong(format!("is no PEM: {shown}")))?;
    if certificates.is_empty() {
        return Err(wrong(format!("holds no certificate: {shown}")));
    }
    Ok(certificates)
}

fn cli_error(target: &Target, error: ClientError) -> CliError {
    let url = &target.url;
    match error {
        ClientError::InvalidId(_) => CliError::Usage(error.to_string()),
        ClientError::InvalidUrl(_) => CliError::Configuration(error.to_string()),
        ClientError::InvalidKey(_) | ClientError::SetUp(_) | ClientError::Build(_) => {
            CliError::Unexpected(error.into())
        }
        ClientError::Unreachable(_) => {
            let what = match (error.is_timeout(), error.innermost_cause()) {
                (true, Some(cause)) => format!("no answer in time: {cause}"),
                (true, None) => "no answer in time".to_owned(),
                (false, cause) => cause.unwrap_or_else(|| error.to_string()),
            };
            let advice = hints::for_unreachable(&what, &target.found, target.ca.as_deref());
            CliError::Unreachable(Unreachable { url: url.to_string(), what, advice })
        }
        ClientError::Rejected { status, body, .. } if matches!(status.as_u16(), 502..=504) => {
            unavailable(target, format!("{} ({status})", body.message))
        }
        ClientError::UnexpectedStatus(status) if matches!(status.as_u16(), 502..=504) => {
            unavailable(target, status.to_string())
        }
        ClientError::Rejected { status, body, retry_after } if status.is_client_error() => {
            CliError::Refused(Box::new(Refused { advice: hints::for_refusal(target, &body), body: *body, retry_after }))
        }
        ClientError::Rejected { status, body, .. } => CliError::Unexpected(anyhow!(
            "the server failed: {} ({status})\n  its log says why, under request id {}",
            body.message,
            body.request_id
        )),
        ClientError::UnexpectedStatus(status) => CliError::Unexpected(anyhow!(
            "{url} answers {status}, and not as a Rekindle server does\n  is this its address? it is {}",
            target.found
        )),
        ClientError::UnexpectedBody(error) => CliError::Unexpected(
            anyhow!(error).context(format!("{url} answers something else than this version knows")),
        ),
    }
}

fn unavailable(target: &Target, what: String) -> CliError {
    let advice = "the server runs, but cannot serve now: look at its log, then try again".to_owned();
    CliError::Unreachable(Unreachable { url: target.url.to_string(), what, advice })
}
