//! The README, with the embedding example from the file that CI runs.

use anyhow::Result;

use super::place;

/// Returns the README with the example in its place.
pub(super) fn with_example(readme: &str, example: &str) -> Result<String> {
    place::put(readme, "embed.rs", &format!("```rust\n{}\n```", example.trim_end()))
}
