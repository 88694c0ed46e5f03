//! The README, with the embedding example as it is in its file: what people copy is what CI runs.

use anyhow::{Context, Result};

const FROM: &str = "<!-- embed.rs: written by `cargo xtask generate` -->\n";
const TO: &str = "<!-- /embed.rs -->";

/// The README with the example put in its place.
pub fn with_example(readme: &str, example: &str) -> Result<String> {
    let (before, rest) = readme.split_once(FROM).context("the README has no place for embed.rs")?;
    let (_, after) = rest.split_once(TO).context("the README's place for embed.rs has no end")?;
    Ok(format!("{before}{FROM}\n```rust\n{}\n```\n\n{TO}{after}", example.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{FROM, TO, with_example};

    #[test]
    fn the_example_takes_the_place_of_the_one_before() {
        let first = with_example(&format!("a\n{FROM}{TO}\nb\n"), "one\n").unwrap();
        assert_eq!(first, format!("a\n{FROM}\n```rust\none\n```\n\n{TO}\nb\n"));
        assert_eq!(with_example(&first, "one\n").unwrap(), first);
        assert!(with_example("a", "one").is_err());
    }
}
