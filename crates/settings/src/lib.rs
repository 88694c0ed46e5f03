//! The engine of the settings: lays files, the environment and flags over each other, names every fault at once with
//! its source, and shows no secret. The table of settings is handed in by the program that has them.

#![warn(missing_docs)]

mod environment;
mod error;
mod files;
mod layers;
mod reader;
mod schema;
mod show;
mod source;
mod table;
#[cfg(test)]
mod test_table;
mod typos;

pub use environment::Environment;
pub use error::{ConfigurationError, SettingFault};
pub use layers::{Command, Flag, Layers, Sources};
pub use reader::Reader;
pub use schema::json_schema;
pub use show::Shown;
pub use source::Source;
pub use table::{Kind, Secrecy, Setting, Table};
