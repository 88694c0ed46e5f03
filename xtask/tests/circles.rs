//! The files and modules of each crate depend on each other in one direction: `xtask/src/circles.rs` has the rules.

use std::path::Path;

use anyhow::Result;
use xtask::circles::{faults, of_workspace};

#[test]
fn files_and_modules_of_a_crate_form_no_circle() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = of_workspace(here.parent().unwrap_or(here))?;
    assert!(found.len() > 5, "only {} crates were found: the search looks in the wrong place", found.len());
    let faults = faults(&found);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
