//! `docs/benchmarks.md`: one page with a section for each store. A run writes its own store's section and leaves the rest.

use anyhow::{Context, Result};

/// The page with this section in the place of the store's, which is between two marks.
pub fn with_section(page: &str, store: &str, section: &str) -> Result<String> {
    let from = format!("<!-- {store}: written by `cargo xtask bench --store {store}` -->\n");
    let to = format!("<!-- /{store} -->");
    let (before, rest) = page.split_once(&from).with_context(|| format!("docs/benchmarks.md lacks the line {from}"))?;
    let (_, after) = rest.split_once(&to).with_context(|| format!("docs/benchmarks.md lacks the line {to}"))?;
    Ok(format!("{before}{from}\n{}\n\n{to}{after}", section.trim_end()))
}

#[cfg(test)]
mod tests;
