//! The README, with the embedding example as it is in its file: what people copy is what CI runs.

use anyhow::Result;

use super::place;

/// The README with the example put in its place.
pub fn with_example(readme: &str, example: &str) -> Result<String> {
    place::put(readme, "embed.rs", &format!("```rust\n{}\n```", example.trim_end()))
}
