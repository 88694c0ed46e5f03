//! Settings and files in the documents exist: a name in capitals is in the code, a path is a file.

use std::collections::BTreeSet;

use anyhow::Result;

use super::links::resolve;
use super::page::Page;
use crate::gates::sources::{is_production_code, literals, read};

/// Names in capitals that belong to other programs.
const OTHERS: &[&str] = &["PR_SET_PDEATHSIG", "PRODUCT_NAME", "SSL_CERT_FILE"];

/// Returns the names that do not exist.
pub(super) fn check(pages: &[Page], files: &[String]) -> Result<Vec<String>> {
    let known = settings(files)?;
    let mut faults = Vec::new();
    for page in pages {
        let blocks: String = page.shell_blocks().map(|block| format!("{}\n", block.text)).collect();
        for (line, code) in &page.code {
            let unknown = capitals(code).filter(|name| !is_known(name, &known, &blocks));
            faults.extend(unknown.map(|name| format!("{}:{line}: nothing of ours has the name {name}", page.path)));
            if let Some(path) = path(code).filter(|path| !expand(path).iter().all(|one| exists(page, one, files))) {
                faults.push(format!("{}:{line}: there is no file {path}", page.path));
            }
        }
        for block in page.shell_blocks() {
            let unknown = capitals(&block.text).filter(|name| !is_known(name, &known, &blocks));
            faults.extend(
                unknown.map(|name| format!("{}:{}: nothing of ours has the name {name}", page.path, block.line)),
            );
        }
    }
    Ok(faults)
}

/// The table of the server's settings.
const SETTINGS: &str = "crates/server/src/settings/table.rs";

/// Returns all names in capitals in the code: settings and environment variables.
pub(crate) fn settings(files: &[String]) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for file in files.iter().filter(|file| is_production_code(file)) {
        // clap makes names of variables from attributes, and all others are written out: both are between quotes.
        known.extend(literals(&read(file)?, is_capital));
    }
    // In the table of settings the names are constants.
    known.extend(capitals(&read(SETTINGS)?).map(str::to_owned));
    Ok(known)
}

fn is_known(name: &str, known: &BTreeSet<String>, blocks: &str) -> bool {
    let is_used = || blocks.contains(&format!("${name}")) || blocks.contains(&format!("${{{name}"));
    // A variable of the page is assigned and used there.
    let is_own = || blocks.contains(&format!("{name}=")) && is_used();
    known.contains(name) || OTHERS.contains(&name) || is_own()
}

fn is_capital(word: &str) -> bool {
    let mut parts = word.split('_');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains('_') && parts.all(is_part)
}

fn capitals(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| is_capital(word))
}

/// Returns a text that can only be the path of a file in the repository.
fn path(code: &str) -> Option<&str> {
    let shape = |c: char| c.is_ascii_alphanumeric() || "/._-{},".contains(c);
    let known = [
        "crates",
        "xtask",
        "docs",
        "deploy",
        "config",
        ".github",
        "core",
        "http",
        "cli",
        "store-sqlite",
        "store-mongo",
    ];
    let first = code.split('/').next().unwrap_or_default();
    let is_path = code.contains('/') && code.chars().all(shape) && !code.contains("://");
    (is_path && (known.contains(&first) || code.ends_with(".rs"))).then_some(code)
}

/// Expands `{a,b}/c` to `a/c` and `b/c`.
fn expand(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choices.split(',').flat_map(|one| expand(&format!("{before}{one}{after}"))).collect()
}

/// Searches for a path from the root, from `crates` and from the page, and for a file whose path ends with it.
fn exists(page: &Page, path: &str, files: &[String]) -> bool {
    let path = path.trim_end_matches('/');
    let inside = |folder: &str| files.iter().any(|file| file == folder || file.starts_with(&format!("{folder}/")));
    let from_page = resolve(&page.path, path).is_some_and(|path| inside(&path));
    let ending = format!("/{path}");
    inside(path) || inside(&format!("crates/{path}")) || from_page || files.iter().any(|file| file.ends_with(&ending))
}

#[cfg(test)]
mod tests;
