//! A typed client of Rekindle's HTTP API: one method of [`Client`] for each operation of the OpenAPI document.
//!
//! A method returns a [`Request`], which is sent with [`Request::send`]. The process must have installed a TLS provider
//! of `rustls` before the first client is made.

#![warn(missing_docs)]

mod client;
mod decode;
mod error;
mod operations;
mod request;

pub use client::Client;
pub use error::ClientError;
pub use operations::{OPERATIONS, Operation};
pub use request::{Answer, Request};
pub use reqwest::header::HeaderValue;
pub use reqwest::{Certificate, StatusCode, Url};
