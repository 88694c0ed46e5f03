//! What an operator does with a database in a file, beside the store: look whether it is sound, give back its room, copy
//! it while others write, and put a copy in its place. Everything here blocks: a runtime calls it on a thread for that.

mod backup;
mod check;
mod copy;
mod error;
mod exclusive;
mod integrity;
mod partial_file;
mod paths;
mod progress;
mod restore;
mod vacuum;

pub use backup::{BackedUp, backup};
pub use check::{DatabaseReport, check};
pub use error::MaintenanceError;
pub use progress::{Progress, Stop};
pub use rekindle_atomic_file::Existing;
pub use restore::{Restored, restore, stamp};
pub use vacuum::{Vacuumed, vacuum};
