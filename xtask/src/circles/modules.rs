//! The tree of modules of one crate, and what a path in it names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::source::{GLOB, Import, Source};

/// The limit of re-exports that are followed, in case they refer to each other.
const MAX_REEXPORTS: usize = 32;

/// The modules below one root file; the root is the first.
#[derive(Debug)]
pub(super) struct Modules {
    all: Vec<Module>,
}

#[derive(Debug)]
pub(super) struct Module {
    /// The names of the modules from the root to it; empty for the root.
    pub path: Vec<String>,
    /// The file that holds it.
    pub file: String,
    parent: usize,
    children: BTreeMap<String, usize>,
    pub source: Source,
}

/// What a path names.
#[derive(Debug, PartialEq)]
pub(super) enum Target {
    Module(usize),
    /// An item, by the module that defines it and its name.
    Item(usize, String),
}

impl Module {
    pub(super) fn has_child(&self, name: &str) -> bool {
        self.children.contains_key(name)
    }
}

impl Modules {
    /// Reads the modules that a root file declares. `files` holds the texts by their path from `src`. Fails if a module has no
    /// file or cannot be parsed.
    pub(super) fn of(root: &str, files: &BTreeMap<String, String>) -> Result<Self> {
        let mut modules = Self { all: Vec::new() };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        modules.add(None, &[], root, folder, parse(root, files)?, files)?;
        Ok(modules)
    }

    fn add(
        &mut self,
        parent: Option<usize>,
        path: &[String],
        file: &str,
        folder: &str,
        mut source: Source,
        files: &BTreeMap<String, String>,
    ) -> Result<usize> {
        let declared = std::mem::take(&mut source.children);
        let number = self.all.len();
        let parent = parent.unwrap_or(number);
        self.all.push(Module {
            path: path.to_owned(),
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            source,
        });
        for (name, inline) in declared {
            let path = [path, std::slice::from_ref(&name)].concat();
            let below = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let child = if let Some(source) = inline {
                self.add(Some(number), &path, file, &below, source, files)?
            } else {
                let choices = [format!("{below}.rs"), format!("{below}/mod.rs")];
                let found = choices.iter().find(|choice| files.contains_key(*choice));
                let found = found.with_context(|| format!("{file} declares the module {name}, which has no file"))?;
                self.add(Some(number), &path, found, &below, parse(found, files)?, files)?
            };
            self.all[number].children.insert(name, child);
        }
        Ok(number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Module)> {
        self.all.iter().enumerate()
    }

    /// Returns each file with the path of its module.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[String])> {
        let outermost =
            self.all.iter().filter(|module| self.all[module.parent].file != module.file || module.path.is_empty());
        outermost.map(|module| (module.file.as_str(), module.path.as_slice()))
    }

    pub(super) fn get(&self, module: usize) -> &Module {
        &self.all[module]
    }

    /// Returns what a path in `module` names; `None` for a name of another crate or a local name.
    pub(super) fn resolve(&self, module: usize, path: &[String]) -> Option<Target> {
        self.follow(module, path, MAX_REEXPORTS)
    }

    fn follow(&self, module: usize, path: &[String], steps: usize) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let (base, rest) = self.base(module, path);
        if rest.len() == path.len() {
            return self.name(module, path, steps);
        }
        if rest.is_empty() {
            return Some(Target::Module(base));
        }
        // A name that is defined nowhere comes from a macro; it is attributed to the module in the path.
        self.name(base, rest, steps).or_else(|| Some(Target::Item(base, rest[0].clone())))
    }

    /// Returns the module that a leading `crate`, `self` or `super` names, and the rest of the path.
    pub(super) fn base<'a>(&self, module: usize, path: &'a [String]) -> (usize, &'a [String]) {
        let mut base = module;
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => base = 0,
                "self" => {}
                "super" => base = self.all[base].parent,
                _ => break,
            }
            rest = after;
        }
        (base, rest)
    }

    /// Returns what a path names whose first word is a name in `module`.
    fn name(&self, module: usize, path: &[String], steps: usize) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let here = &self.all[module];
        if let Some(child) = here.children.get(first) {
            return self.within(*child, rest, steps);
        }
        if here.source.items.contains(first) {
            return Some(Target::Item(module, first.clone()));
        }
        if let Some(import) = here.source.imports.iter().find(|import| import.name == *first) {
            // `use x;` of another crate.
            let is_itself = import.path.first() == Some(first) && import.path.len() == 1;
            return if is_itself { None } else { self.through(module, import, rest, steps) };
        }
        let globs = here.source.imports.iter().filter(|import| import.name == GLOB);
        let through_glob = globs.filter_map(|glob| match self.follow(module, &glob.path, steps)? {
            Target::Module(other) if other != module => self.name(other, path, steps),
            Target::Module(_) | Target::Item(..) => None,
        });
        let found = through_glob.into_iter().next();
        found.or_else(|| here.source.macro_words.contains(first).then(|| Target::Item(module, first.clone()))).or_else(
            || {
                let exports = module == 0 && path.len() == 1;
                let mut exporters = self.iter().filter(|(_, other)| other.source.exported_macros.contains(first));
                let exporter = exporters.next().filter(|_| exports)?;
                Some(Target::Item(exporter.0, first.clone()))
            },
        )
    }

    fn through(&self, module: usize, import: &Import, rest: &[String], steps: usize) -> Option<Target> {
        match self.follow(module, &import.path, steps)? {
            Target::Module(other) => self.within(other, rest, steps),
            // The rest is a variant or an associated item.
            item @ Target::Item(..) => Some(item),
        }
    }

    fn within(&self, module: usize, rest: &[String], steps: usize) -> Option<Target> {
        if rest.is_empty() {
            return Some(Target::Module(module));
        }
        self.name(module, rest, steps).or_else(|| Some(Target::Item(module, rest[0].clone())))
    }

    /// Returns whether `module` is `ancestor` or below it.
    pub(super) fn is_below(&self, module: usize, ancestor: usize) -> bool {
        self.all[module].path.starts_with(&self.all[ancestor].path)
    }
}

fn parse(file: &str, files: &BTreeMap<String, String>) -> Result<Source> {
    let text = files.get(file).with_context(|| format!("there is no file {file}"))?;
    Source::parse(text).with_context(|| format!("cannot read {file}"))
}

/// Returns the root files of a crate: the library and the programs.
pub(super) fn roots(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    let is_root = |file: &&str| matches!(*file, "lib.rs" | "main.rs") || is_program(file);
    files.keys().map(String::as_str).filter(is_root).collect()
}

fn is_program(file: &str) -> bool {
    file.strip_prefix("bin/").is_some_and(|rest| !rest.contains('/') || rest.ends_with("/main.rs"))
}
