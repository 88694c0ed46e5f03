//! The address of the database, and the few settings of the store.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rekindle_core::store::BatchObserverHandle;
use rekindle_records::Extension;

/// A connection string (`mongodb://…` or `mongodb+srv://…`). Its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoAddress(String);

/// The error of a text that is no connection string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a MongoDB connection string, such as mongodb://user:password@db1,db2,db3/?replicaSet=rekindle")]
pub struct BadAddress;

impl MongoAddress {
    /// Returns the whole text with the password, for the driver only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for MongoAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let rest = text.strip_prefix("mongodb://").or_else(|| text.strip_prefix("mongodb+srv://")).ok_or(BadAddress)?;
        if rest.is_empty() {
            return Err(BadAddress);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for MongoAddress {
    /// Writes the address without its password, and without options that carry a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoAddress({self})")
    }
}

/// Options whose value is, or may contain, a secret.
const SECRET_OPTIONS: [&str; 3] = ["authmechanismproperties", "tlscertificatekeyfilepassword", "proxypassword"];

fn masked(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("mongodb", address));
    // The last @ divides: after an unescaped one in a password, no part of the password is shown.
    let (who, where_to) = match rest.rsplit_once('@') {
        Some((who, where_to)) => (Some(who), where_to),
        None => (None, rest),
    };
    let mut shown = format!("{scheme}://");
    if let Some(who) = who {
        let (user, password) = who.split_once(':').map_or((who, None), |(user, secret)| (user, Some(secret)));
        shown.push_str(user);
        if password.is_some() {
            shown.push_str(":***");
        }
        shown.push('@');
    }
    let Some((hosts, options)) = where_to.split_once('?') else {
        shown.push_str(where_to);
        return shown;
    };
    shown.push_str(hosts);
    let options = options.split('&').map(|option| match option.split_once('=') {
        Some((name, _)) if SECRET_OPTIONS.contains(&name.to_ascii_lowercase().as_str()) => format!("{name}=***"),
        _ => option.to_owned(),
    });
    for (n, option) in options.enumerate() {
        shown.push(if n == 0 { '?' } else { '&' });
        shown.push_str(&option);
    }
    shown
}

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MongoOptions {
    /// The servers and the credentials.
    pub address: MongoAddress,
    /// The name of the database.
    pub database: String,
    /// The number of days after which ended sessions are deleted; the server's own TTL deletion comes a day later.
    pub retention_days: u32,
    /// How long a caller waits for a result.
    pub call_timeout: Duration,
    /// The observer of the batches of heartbeats.
    pub watch: BatchObserverHandle,
    /// Whether the database is prepared when it is opened.
    pub setup: Setup,
    /// The kinds of entities of another crate that are stored beside Rekindle's own.
    pub extension: Extension,
}

/// What opening a store does to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Makes what is missing and changes what differs, including the age at which the server itself deletes.
    Prepare,
    /// Changes nothing: for programs that only read, and do not know the server's settings.
    LeaveAsIs,
}

impl MongoOptions {
    /// Returns the default options for an address.
    pub fn at(address: MongoAddress) -> Self {
        Self {
            address,
            database: "claude-projects".to_owned(),
            retention_days: 30,
            call_timeout: Duration::from_secs(10),
            watch: BatchObserverHandle::default(),
            setup: Setup::Prepare,
            extension: Extension::NONE,
        }
    }
}

#[cfg(test)]
mod tests;
