//! How long connections may take.

use std::time::Duration;

/// The time limit of the head of a request: a client that sends it byte by byte holds a connection no longer.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may wait for its reader without a byte being taken.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an idle connection is kept, as long as load balancers commonly do.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long what is left of a refused body is thrown away, so that the refusal is not lost on the way.
pub(crate) const LINGER: Duration = Duration::from_secs(3);
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
