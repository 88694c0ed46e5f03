//! A page of Markdown, parsed as far as the gate needs it: headings, links, inline code, fenced blocks.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Page {
    /// Its path from the repository's root.
    pub path: String,
    /// The anchors that a link may name after `#`.
    pub anchors: Vec<String>,
    /// The targets of links, each with its line.
    pub links: Vec<(usize, String)>,
    /// The texts between backticks, each with its line.
    pub code: Vec<(usize, String)>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Block {
    /// The line of its fence.
    pub line: usize,
    /// The language after the fence.
    pub language: String,
    /// The heading above it.
    pub under: String,
    pub text: String,
}

impl Page {
    pub(super) fn parse(path: &str, text: &str) -> Self {
        let mut page = Self { path: path.to_owned(), ..Self::default() };
        let mut counts = BTreeMap::new();
        let mut open: Option<(String, Block)> = None;
        let mut under = String::new();
        for (at, line) in text.lines().enumerate() {
            let line_number = at + 1;
            let bare = line.trim_start();
            if let Some((fence, block)) = &mut open {
                if bare.starts_with(fence.as_str()) && bare.trim_end().chars().all(|c| fence.starts_with(c)) {
                    page.blocks.extend(open.take().map(|(_, block)| block));
                } else {
                    block.text += line;
                    block.text.push('\n');
                }
                continue;
            }
            let ticks = bare.chars().take_while(|c| *c == '`').count();
            if ticks >= 3 {
                let language = bare[ticks..].trim().to_owned();
                let block = Block { line: line_number, language, under: under.clone(), text: String::new() };
                open = Some(("`".repeat(ticks), block));
                continue;
            }
            let level = bare.chars().take_while(|c| *c == '#').count();
            if (1..=6).contains(&level) && bare[level..].starts_with(' ') {
                under = bare[level..].trim().to_owned();
                page.anchors.push(unique(&mut counts, slug(&under)));
            }
            page.anchors.extend(explicit_anchors(line));
            page.read_line(line_number, line);
        }
        page
    }

    /// Returns the blocks with shell commands.
    pub(super) fn shell_blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| matches!(block.language.as_str(), "sh" | "bash" | "shell" | "console"))
    }

    fn read_line(&mut self, number: usize, line: &str) {
        let mut prose = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('`') {
            prose += before;
            let Some((code, beyond)) = after.split_once('`') else { break };
            self.code.push((number, code.to_owned()));
            // A placeholder for the code, so that a link around it is still found.
            prose.push('c');
            rest = beyond;
        }
        prose += rest;
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        self.links.extend(targets.map(|target| (number, target.to_owned())));
        if let Some((_, target)) = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            self.links.push((number, target.trim().to_owned()));
        }
    }
}

fn explicit_anchors(line: &str) -> impl Iterator<Item = String> {
    ["<a id=\"", "<a name=\""].into_iter().filter_map(|mark| {
        let (_, rest) = line.split_once(mark)?;
        rest.split('"').next().map(str::to_owned)
    })
}

/// Returns the anchor of a heading as forges make it: small letters, digits, `-` and `_`; a blank becomes `-`.
fn slug(heading: &str) -> String {
    let mut words = String::new();
    let mut rest = heading;
    // Only the text of a link.
    while let Some((before, after)) = rest.split_once("](") {
        words += before;
        rest = after.split_once(')').map_or("", |(_, beyond)| beyond);
    }
    words += rest;
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn unique(counts: &mut BTreeMap<String, usize>, slug: String) -> String {
    let count = counts.entry(slug.clone()).or_default();
    *count += 1;
    if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
}

#[cfg(test)]
mod tests;
