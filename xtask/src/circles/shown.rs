//! Formats violations of the rules.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter, Result};

use super::{Arrow, Circle, Structure};

impl Display for Structure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for circle in &self.files {
            write!(f, "{} files depend on each other:\n{circle}", circle.members.len())?;
        }
        for circle in &self.modules {
            let members = circle.members.iter().map(|name| if name.is_empty() { "the root" } else { name });
            write!(f, "modules depend on each other: {}\n{circle}", members.collect::<Vec<_>>().join(", "))?;
        }
        if !self.from_root.is_empty() {
            writeln!(f, "{} files take names from the crate's root:", self.from_root.len())?;
        }
        for (file, names) in &self.from_root {
            writeln!(f, "  {file}: {}", joined(names))?;
        }
        Ok(())
    }
}

impl Display for Circle {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.arrows.iter().try_for_each(|arrow| write!(f, "{arrow}"))
    }
}

impl Display for Arrow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let is_of_files = self.ties.keys().eq([&(self.from.clone(), self.to.clone())]);
        let indent = if is_of_files { "  " } else { "    " };
        if !is_of_files {
            writeln!(f, "  {} -> {}", self.from, self.to)?;
        }
        self.ties.iter().try_for_each(|((from, to), names)| writeln!(f, "{indent}{from} -> {to}: {}", joined(names)))
    }
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
