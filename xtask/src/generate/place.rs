//! Pages that are written by hand, with a generated part between two marks.

use anyhow::{Context, Result};

/// Returns the page with `text` between the marks of `name`.
pub(super) fn put(page: &str, name: &str, text: &str) -> Result<String> {
    let from = format!("<!-- {name}: written by `cargo xtask generate` -->\n");
    let to = format!("<!-- /{name} -->");
    let (before, rest) = page.split_once(&from).with_context(|| format!("the page has no place for {name}"))?;
    let (_, after) = rest.split_once(&to).with_context(|| format!("the page's place for {name} has no end"))?;
    Ok(format!("{before}{from}\n{}\n\n{to}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::put;

    #[test]
    fn a_text_replaces_the_previous_one() {
        let empty = "a\n<!-- it: written by `cargo xtask generate` -->\n<!-- /it -->\nb\n";
        let first = put(empty, "it", "one\n").unwrap();
        assert_eq!(first, "a\n<!-- it: written by `cargo xtask generate` -->\n\none\n\n<!-- /it -->\nb\n");
        assert_eq!(put(&first, "it", "one\n").unwrap(), first);
        assert!(put("a", "it", "one").is_err());
    }
}
