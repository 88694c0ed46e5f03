//! Whether the service is up, as it is answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// The process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: String,
    /// Now.
    pub timestamp: Time,
    /// For how many seconds the process has been running.
    #[schema(example = 12.345)]
    pub uptime: f64,
}

/// The service can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always `ready`.
    #[schema(example = "ready")]
    pub status: String,
}
