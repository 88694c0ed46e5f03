//! The order of files and modules within a crate, which the compiler does not check:
//!
//! 1. The files of a crate do not depend on each other in a circle.
//! 2. Neither do its modules. Modules beside each other are compared with everything below them, and with the file that
//!    declares them: a child that uses its parent closes a circle if the parent uses the child.
//! 3. No file takes a name from the crate's root, which only says what the crate offers to others.
//!
//! A file depends on the file that defines a name which it uses; re-exports are followed to there. Declaring a module
//! and re-exporting from it is no dependency. Methods are not seen, since no path names them, and neither is what a
//! macro expands to. Code for tests is left out.

mod graph;
mod modules;
mod shown;
mod source;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use graph::circles;
use modules::{Module, Modules, Target};
pub use workspace::{faults, of_workspace};

/// The names that one file uses of another: from, to, names.
type Ties = BTreeMap<(String, String), BTreeSet<String>>;

/// The violations of the rules in one crate.
#[derive(Debug, Default, PartialEq)]
pub struct Structure {
    /// Circles of files.
    pub files: Vec<Circle>,
    /// Circles of modules that are not circles of files already.
    pub modules: Vec<Circle>,
    /// The names that each file takes from the crate's root.
    pub from_root: BTreeMap<String, BTreeSet<String>>,
}

/// Files or modules that depend on each other.
#[derive(Debug, PartialEq)]
pub struct Circle {
    /// The files, or the modules by their path; the root is "".
    pub members: BTreeSet<String>,
    /// The dependencies among them. Those for the fewest names come first, since they are the cheapest to remove.
    pub arrows: Vec<Arrow>,
}

/// A dependency of one file or module on another.
#[derive(Debug, PartialEq)]
pub struct Arrow {
    /// The dependent one.
    pub from: String,
    /// The one that it depends on.
    pub to: String,
    /// The dependencies of files that it consists of.
    pub ties: Ties,
}

impl Circle {
    fn new(members: BTreeSet<String>, arrows: &BTreeMap<(String, String), Ties>) -> Self {
        let inside = arrows.iter().filter(|((from, to), _)| members.contains(from) && members.contains(to));
        let arrow = |((from, to), ties): (&(String, String), &Ties)| Arrow {
            from: from.clone(),
            to: to.clone(),
            ties: ties.clone(),
        };
        let mut arrows: Vec<Arrow> = inside.map(arrow).collect();
        arrows.sort_by_key(|arrow| arrow.ties.values().map(BTreeSet::len).sum::<usize>());
        Self { members, arrows }
    }

    fn ties(&self) -> impl Iterator<Item = &(String, String)> {
        self.arrows.iter().flat_map(|arrow| arrow.ties.keys())
    }
}

impl Structure {
    /// Analyses the crate whose manifest is in `folder`. Fails if a file cannot be read or parsed.
    pub fn of_crate(folder: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        read(&folder.join("src"), "", &mut files)?;
        Self::of(&files).with_context(|| format!("cannot analyse {}", folder.display()))
    }

    /// Analyses the texts of a crate's files, by their path from its folder `src`.
    pub fn of(files: &BTreeMap<String, String>) -> Result<Self> {
        let mut structure = Self::default();
        for root in modules::roots(files) {
            structure.add(&Modules::of(root, files)?);
        }
        Ok(structure)
    }

    fn add(&mut self, modules: &Modules) {
        let mut ties = Ties::new();
        for (number, module) in modules.iter() {
            for (path, target) in used(modules, number, module) {
                let (base, rest) = modules.base(number, path);
                let through_root = base == 0 && module.file != modules.get(0).file && rest.len() < path.len();
                if let Some(name) = rest.first().filter(|_| through_root)
                    && !modules.get(0).has_child(name)
                    && !is_exported_macro(modules, &target)
                {
                    self.from_root.entry(module.file.clone()).or_default().insert(name.clone());
                }
                let (to, name) = match target {
                    Target::Item(to, name) => (to, name),
                    Target::Module(to) => (to, source::GLOB.to_owned()),
                };
                let to = &modules.get(to).file;
                if *to != module.file {
                    ties.entry((module.file.clone(), to.clone())).or_default().insert(name);
                }
            }
        }
        let arrow = |(arrow, names): (&(String, String), &BTreeSet<String>)| {
            (arrow.clone(), Ties::from([(arrow.clone(), names.clone())]))
        };
        self.files.extend(circles_of(&ties.iter().map(arrow).collect()));
        self.add_modules(modules, &ties);
    }

    /// Adds the circles among the modules beside each other, for every module that declares some.
    fn add_modules(&mut self, modules: &Modules, ties: &Ties) {
        let paths: BTreeMap<&str, &[String]> = modules.files().collect();
        for above in paths.values() {
            // The child of `above` that holds the file; `above` itself for its own file.
            let side = |file: &str| {
                let path = paths.get(file)?.strip_prefix(*above)?;
                Some([*above, &path[..path.len().min(1)]].concat().join("::"))
            };
            let mut arrows: BTreeMap<(String, String), Ties> = BTreeMap::new();
            for ((from, to), names) in ties {
                if let (Some(one), Some(other)) = (side(from), side(to))
                    && one != other
                {
                    arrows.entry((one, other)).or_default().insert((from.clone(), to.clone()), names.clone());
                }
            }
            for circle in circles_of(&arrows) {
                let is_of_files = |files: &Circle| circle.ties().all(|tie| files.ties().any(|other| other == tie));
                if !self.files.iter().any(is_of_files) {
                    self.modules.push(circle);
                }
            }
        }
    }

    /// Returns whether the crate keeps the rules.
    pub fn is_sound(&self) -> bool {
        *self == Self::default()
    }
}

fn circles_of(arrows: &BTreeMap<(String, String), Ties>) -> Vec<Circle> {
    circles(&arrows.keys().cloned().collect()).into_iter().map(|members| Circle::new(members, arrows)).collect()
}

/// Returns the paths in a module that are dependencies, and where they lead.
fn used<'a>(modules: &'a Modules, number: usize, module: &'a Module) -> Vec<(&'a [String], Target)> {
    let mut used = Vec::new();
    for import in &module.source.imports {
        let Some(target) = modules.resolve(number, &import.path) else { continue };
        let to = match &target {
            Target::Item(to, _) => *to,
            // An imported module is no dependency yet: the paths that begin with it are.
            Target::Module(to) if import.name == source::GLOB => *to,
            Target::Module(_) => continue,
        };
        if !(import.is_reexport && modules.is_below(to, number)) {
            used.push((import.path.as_slice(), target));
        }
    }
    for path in &module.source.paths {
        if let Some(target @ Target::Item(..)) = modules.resolve(number, path) {
            used.push((path, target));
        }
    }
    used
}

fn is_exported_macro(modules: &Modules, target: &Target) -> bool {
    match target {
        Target::Item(module, name) => modules.get(*module).source.exported_macros.contains(name),
        Target::Module(_) => false,
    }
}

fn read(folder: &Path, before: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{before}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
