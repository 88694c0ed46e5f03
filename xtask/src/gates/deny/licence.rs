//! Licence expressions (SPDX): `MIT OR (Apache-2.0 WITH LLVM-exception AND ISC)`, and the older `MIT/Apache-2.0`.

use anyhow::{Result, bail};

/// Returns whether the allowed licences satisfy the expression.
pub(super) fn holds(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = Words { words: spaced.split_whitespace().collect(), at: 0, allowed };
    let holds = words.any();
    let whole = words.at == words.words.len();
    match holds {
        Some(holds) if whole => Ok(holds),
        _ => bail!("\"{expression}\" is no licence expression that this gate can read"),
    }
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Words<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    /// Parses parts with OR between them. All are parsed, even after one holds.
    fn any(&mut self) -> Option<bool> {
        let mut holds = self.all()?;
        while self.take("OR") {
            holds |= self.all()?;
        }
        Some(holds)
    }

    fn all(&mut self) -> Option<bool> {
        let mut holds = self.one()?;
        while self.take("AND") {
            holds &= self.one()?;
        }
        Some(holds)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let holds = self.any()?;
            return self.take(")").then_some(holds);
        }
        let name = *self.words.get(self.at)?;
        if matches!(name, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        self.at += 1;
        if !self.take("WITH") {
            return Some((self.allowed)(name));
        }
        let exception = *self.words.get(self.at)?;
        self.at += 1;
        Some((self.allowed)(&format!("{name} WITH {exception}")))
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    fn with(allowed: &[&str], expression: &str) -> bool {
        holds(expression, &|one| allowed.contains(&one)).unwrap()
    }

    #[test]
    fn one_licence_of_an_or_is_enough_and_all_of_an_and_are_needed() {
        assert!(with(&["MIT"], "Apache-2.0 OR MIT"));
        assert!(with(&["MIT"], "Unlicense/MIT"));
        assert!(!with(&["MIT"], "MIT AND Unicode-3.0"));
        assert!(with(&["MIT", "Unicode-3.0"], "(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!with(&["Apache-2.0"], "MIT AND (Apache-2.0 OR ISC)"));
        // AND binds closer.
        assert!(with(&["MIT"], "MIT OR Apache-2.0 AND ISC"));
    }

    #[test]
    fn an_exception_is_a_licence_of_its_own() {
        assert!(!with(&["Apache-2.0"], "Apache-2.0 WITH LLVM-exception"));
        assert!(with(&["Apache-2.0 WITH LLVM-exception"], "GPL-3.0 OR Apache-2.0 WITH LLVM-exception"));
    }

    #[test]
    fn an_expression_that_cannot_be_parsed_is_refused() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "OR MIT", "MIT WITH"] {
            assert!(holds(expression, &|_| true).is_err(), "{expression}");
        }
    }
}
