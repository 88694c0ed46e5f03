//! `docs/benchmarks.md`: one page with a section for each store. A run replaces the section of its store.

use anyhow::{Context, Result};

/// Returns the page with this section between the two marks of the store.
pub(super) fn with_section(page: &str, store: &str, section: &str) -> Result<String> {
    let from = format!("<!-- {store}: written by `cargo xtask bench --store {store}` -->\n");
    let to = format!("<!-- /{store} -->");
    let (before, rest) = page.split_once(&from).with_context(|| format!("docs/benchmarks.md lacks the line {from}"))?;
    let (_, after) = rest.split_once(&to).with_context(|| format!("docs/benchmarks.md lacks the line {to}"))?;
    Ok(format!("{before}{from}\n{}\n\n{to}{after}", section.trim_end()))
}

#[cfg(test)]
mod tests;
