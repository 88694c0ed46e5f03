//! Links within the repository lead to existing files and headings.

use super::page::Page;

/// Returns the links that do not resolve.
pub(super) fn check(pages: &[Page], files: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in pages {
        for (line, target) in &page.links {
            if let Some(fault) = fault(page, target, pages, files) {
                faults.push(format!("{}:{line}: the link to {target}: {fault}", page.path));
            }
        }
    }
    faults
}

fn fault(page: &Page, target: &str, pages: &[Page], files: &[String]) -> Option<String> {
    // Other sites are not checked: they change without a change here.
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path)? };
    let is_there = files.contains(&path) || files.iter().any(|file| file.starts_with(&format!("{path}/")));
    if !is_there {
        return Some(format!("there is no {path}"));
    }
    let meant = pages.iter().find(|other| other.path == path)?;
    let known = anchor.is_empty() || meant.anchors.iter().any(|one| one == anchor);
    (!known).then(|| format!("{path} has no heading of that name; it has {}", meant.anchors.join(", ")))
}

/// Returns a link's path from the root. `None` for one that leaves the repository's folders, such as `/`.
pub(super) fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
