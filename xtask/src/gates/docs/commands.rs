//! Commands of `rekindle` and `cargo xtask` in the documents exist and have the options that are shown.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::page::Page;
use crate::shell::output;

/// Returns the faults of the commands. `rekindle` is the program whose help texts are read.
pub(super) fn check(pages: &[Page], rekindle: &Path, xtask: &clap::Command) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut help = Help { rekindle, texts: BTreeMap::new() };
    for page in pages {
        for (line, text) in snippets(page) {
            for call in calls(&text) {
                let fault = match call.program {
                    Program::Rekindle => help.fault(&call)?,
                    Program::Xtask => of_xtask(xtask, &call),
                };
                faults.extend(fault.map(|fault| format!("{}:{line}: {fault}", page.path)));
            }
        }
    }
    Ok(faults)
}

/// Returns inline code and blocks of commands, with their lines.
fn snippets(page: &Page) -> impl Iterator<Item = (usize, String)> {
    let inline = page.code.iter().cloned();
    inline.chain(page.shell_blocks().map(|block| (block.line, block.text.replace("\\\n", " "))))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Program {
    Rekindle,
    Xtask,
}

/// One call of a program of the project.
#[derive(Debug, PartialEq)]
struct Call {
    program: Program,
    words: Vec<String>,
}

/// Returns the calls in a text for a shell. What follows ` -- ` belongs to another program.
fn calls(text: &str) -> Vec<Call> {
    let separated = text.replace("$(", "\n").replace([';', '|', '&', '(', ')', '`', '"'], "\n");
    separated.lines().filter_map(call).collect()
}

fn call(line: &str) -> Option<Call> {
    let line = line.split(" #").next().unwrap_or(line);
    let mut words = line.split_whitespace().map(str::to_owned).peekable();
    let is_before = |word: &String| {
        is_assignment(word)
            || matches!(word.as_str(), "$" | "exec" | "sudo" | "export" | "time" | "until" | "while" | "if" | "do")
    };
    while let Some(word) = words.next_if(|word| is_before(word) || word.starts_with('-')) {
        // `sudo -u NAME`
        if word == "-u" {
            words.next();
        }
    }
    let first = words.next()?;
    let rest: Vec<String> = words.collect();
    let (program, rest) = match (first.as_str(), rest.first().map(String::as_str)) {
        ("cargo", Some("xtask")) => (Program::Xtask, &rest[1..]),
        // A bare `cargo run` is the command line.
        ("cargo", Some("run")) if !rest.iter().any(|word| word == "-p" || word == "--example") => {
            let own = rest.iter().position(|word| word == "--")?;
            (Program::Rekindle, &rest[own + 1..])
        }
        (name, _) if name == "rekindle" || name.ends_with("/rekindle") => (Program::Rekindle, rest.as_slice()),
        _ => return None,
    };
    let words = rest.iter().take_while(|word| *word != "--").cloned().collect();
    Some(Call { program, words })
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

fn flags(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap_or(word))
}

/// Returns whether a word can be the name of a subcommand.
fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// The help texts of the program, each requested once.
struct Help<'a> {
    rekindle: &'a Path,
    texts: BTreeMap<Vec<String>, String>,
}

impl Help<'_> {
    fn fault(&mut self, call: &Call) -> Result<Option<String>> {
        let mut path = Vec::new();
        let mut text = self.of(&path)?;
        for word in &call.words {
            let below = subcommands(&text);
            if below.is_empty() || !is_name(word) {
                break;
            }
            if !below.contains(word) {
                let shown = [&["rekindle".to_owned()], path.as_slice()].concat().join(" ");
                return Ok(Some(format!("`{shown}` has no command {word}; it has {}", below.join(", "))));
            }
            path.push(word.clone());
            text = self.of(&path)?;
        }
        let unknown = flags(&call.words).find(|flag| !has_flag(&text, flag));
        Ok(unknown.map(|flag| format!("`rekindle {}` has no option {flag}", path.join(" "))))
    }

    fn of(&mut self, path: &[String]) -> Result<String> {
        if let Some(text) = self.texts.get(path) {
            return Ok(text.clone());
        }
        let mut command = Command::new(self.rekindle);
        command.args(path).arg("--help").env("NO_COLOR", "1");
        let text = output(command)?;
        self.texts.insert(path.to_owned(), text.clone());
        Ok(text)
    }
}

/// Returns the names in the section `Commands:` of a help text.
fn subcommands(help: &str) -> Vec<String> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = section.take_while(|line| !line.trim().is_empty());
    // A description that continues on the next line is indented further.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn has_flag(help: &str, flag: &str) -> bool {
    help.split(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '[' | ']' | '`' | '.')).any(|word| word == flag)
}

fn of_xtask(root: &clap::Command, call: &Call) -> Option<String> {
    let mut command = root;
    for word in call.words.iter().take_while(|word| is_name(word)) {
        if command.get_subcommands().next().is_none() {
            break;
        }
        match command.find_subcommand(word) {
            Some(below) => command = below,
            None => return Some(format!("`cargo xtask` has no command {}", call.words.join(" "))),
        }
    }
    let longs: Vec<String> =
        command.get_arguments().filter_map(|it| it.get_long().map(|long| format!("--{long}"))).collect();
    let unknown = flags(&call.words).find(|flag| !longs.iter().any(|long| long == flag));
    unknown.map(|flag| format!("`cargo xtask {}` has no option {flag}", command.get_name()))
}

#[cfg(test)]
mod tests;
