//! The order of files and modules within each crate: prints the circles, and fails if one is new.

use anyhow::{Result, ensure};
use xtask::circles::{faults, of_workspace};

use super::outcome::Outcome;
use crate::shell::root;

pub(super) fn run() -> Result<Outcome> {
    let found = of_workspace(&root())?;
    for (name, structure) in found.iter().filter(|(_, structure)| !structure.is_sound()) {
        println!("{name}\n{structure}");
    }
    let faults = faults(&found);
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{} crates have no circle", found.len());
    Ok(Outcome::Done)
}
