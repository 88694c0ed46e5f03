//! Every acceptance test of the requirements that this version can meet is covered by a test that has its id:
//! `Test-2.1.a` in a comment, or `test_2_1_a` in its name.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

use std::fs;
use std::path::{Path, PathBuf};

/// The ids, by section. Left out: 1.2.a and 1.2.e (packages and compiler of another language), 1.4 except d (deployment to a
/// cloud), 5.1.f and 5.3.e (figures, which the benchmark measures).
const SECTIONS: &[(&str, &str)] = &[
    ("1.1", "abcdef"),
    ("1.2", "bcdf"),
    ("1.3", "abcdef"),
    ("1.4", "d"),
    ("2.1", "abcdefg"),
    ("2.2", "abcdef"),
    ("2.3", "abcdef"),
    ("2.4", "abcdef"),
    ("3.1", "abcdefg"),
    ("3.2", "abcdef"),
    ("3.3", "abcdef"),
    ("3.4", "abcdef"),
    ("5.1", "abcde"),
    ("5.2", "abcdef"),
    ("5.3", "abcdf"),
];

#[test]
fn every_acceptance_test_of_the_requirements_is_covered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    let mut tests = String::new();
    for file in rust_files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("#[test]") || text.contains("::test]") || text.contains("cases![") || text.contains("case!(") {
            tests.push_str(&text);
        }
    }
    let mut missing = Vec::new();
    for (section, letters) in SECTIONS {
        for letter in letters.chars() {
            let id = format!("Test-{section}.{letter}");
            let name = id.to_lowercase().replace(['-', '.'], "_");
            let named = |text: &str| {
                tests.match_indices(text).any(|(at, _)| {
                    let next = tests[at + text.len()..].chars().next();
                    !next.is_some_and(char::is_alphanumeric)
                })
            };
            if !named(&id) && !named(&name) {
                missing.push(id);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no test of ours carries these ids of the requirements: {}. Name them in a comment of the test that covers them.",
        missing.join(", ")
    );
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
