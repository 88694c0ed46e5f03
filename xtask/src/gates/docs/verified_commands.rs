//! Shell commands in the documents are run by a test or were verified by hand. `verified_commands.txt` lists the latter
//! by a checksum of the block, so that a changed block has to be verified again.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::page::{Block, Page};
use crate::gates::sources;
use crate::generate;

const LIST: &str = "xtask/src/gates/docs/verified_commands.txt";

/// All blocks under these headings are run: the page, the heading. The tour itself fails on a block that it does not
/// run.
const PLAYED: &[(&str, &str)] = &[("README.md", "The tour: a build that dies and comes back")];

/// Returns the blocks that are not verified, and the entries without a block.
pub(super) fn check(pages: &[Page]) -> Result<Vec<String>> {
    check_against(pages, &sources::read(LIST)?)
}

fn check_against(pages: &[Page], list: &str) -> Result<Vec<String>> {
    let mut seen = parse(list)?;
    let mut faults = Vec::new();
    for page in pages {
        for block in page.shell_blocks() {
            let of_tour = PLAYED.iter().any(|(path, under)| *path == page.path && *under == block.under);
            let played = of_tour || generate::is_played(&block.text);
            let line = format!("{} {}", checksum(&block.text), page.path);
            if seen.remove(&line).is_none() && !played {
                faults.push(format!(
                    "{}:{}: nobody has seen these commands work as they stand. Once you have, add to {LIST}: \
                     {line} by hand, on what and when ({})",
                    page.path,
                    block.line,
                    first_line(block)
                ));
            }
        }
    }
    faults.extend(seen.keys().map(|line| format!("{LIST}: there is no block for \"{line}\" any more: take it out")));
    Ok(faults)
}

/// Returns the entries of the list: checksum and page, with how it was verified.
fn parse(list: &str) -> Result<BTreeMap<String, String>> {
    let lines = list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (sum, page) = (words.next()?, words.next()?);
        let how = words.next().filter(|how| !how.trim().is_empty())?;
        Some((format!("{sum} {page}"), how.to_owned()))
    };
    lines.map(|line| entry(line).with_context(|| format!("{LIST}: \"{line}\" does not say how it was seen"))).collect()
}

fn first_line(block: &Block) -> &str {
    block.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default()
}

/// FNV-1a, which distinguishes blocks but does not protect against forgery.
fn checksum(text: &str) -> String {
    let sum = text.trim().bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:08x}")
}

#[cfg(test)]
mod tests;
