//! The use cases by entity, each a view of the one engine.

use super::engine::Engine;

/// The use cases of sessions; see [`super::tracker::Tracker::sessions`].
#[derive(Clone, Copy)]
pub struct Sessions<'t>(pub(super) &'t Engine);

/// The use cases of tasks; see [`super::tracker::Tracker::tasks`].
#[derive(Clone, Copy)]
pub struct Tasks<'t>(pub(super) &'t Engine);

/// The use cases of machines; see [`super::tracker::Tracker::machines`].
#[derive(Clone, Copy)]
pub struct Machines<'t>(pub(super) &'t Engine);

/// The use cases of API keys; see [`super::tracker::Tracker::api_keys`].
#[derive(Clone, Copy)]
pub struct ApiKeys<'t>(pub(super) &'t Engine);
