//! From a listening socket to HTTP requests: connections with deadlines of their own, TLS, and answers to what never
//! becomes a request. Which app answers requests is handed in.

#![warn(missing_docs)]

mod bind;
mod connection_info;
mod connections;
mod listen;
mod protocol_errors;
mod request_id;
mod timed_stream;
mod timeouts;
mod tls;

pub use bind::bind;
pub use connection_info::{InFlightGuard, is_secure};
pub use connections::Connections;
pub use listen::{ListenOptions, listen};
pub use protocol_errors::{ErrorBody, ProtocolError};
pub use request_id::new_request_id;
pub use tls::{Certificates, TlsError, TlsFiles};
