//! `rekindle db check`: checks that the database is sound and that its contents break no rule of the domain.

use std::process::ExitCode;
use std::time::Duration;

use rekindle_integrity::{self as check, CheckEvent, Finding, Severity};
use rekindle_stores::maintenance::{self, DatabaseReport};
use rekindle_stores::{NotAFileStore, OpenStoreError, StoreUrl};
use serde::Serialize;

use super::common::{json, size, with_progress};
use super::progress::Bar;
use crate::error::{CliError, UNEXPECTED};
use crate::messages::visible;
use crate::output;
use crate::target::Globals;

/// The number of findings that are shown. All are counted.
const SHOWN: usize = 1000;
/// The time limit of one call. Reading a page of a large database on a slow disk takes long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result of a check, as printed with `--json`.
#[derive(Serialize)]
struct Report {
    store: String,
    ok: bool,
    /// Only of a SQLite database in a file.
    database: Option<Database>,
    read: Rows,
    /// The number of broken rules.
    violations_total: u64,
    /// The first of the broken rules.
    violations: Vec<Violation>,
    /// The number of findings that break no rule.
    notes_total: u64,
    notes: Vec<Violation>,
    /// The parts that were not checked, with the reason.
    skipped: Vec<String>,
}

#[derive(Serialize)]
struct Database {
    schema: i64,
    schema_known: i64,
    bytes: u64,
    free_bytes: u64,
    problems: Vec<String>,
}

#[derive(Serialize, Default)]
struct Rows {
    sessions: u64,
    tasks: u64,
    machines: u64,
    events: u64,
}

#[derive(Serialize)]
struct Violation {
    rule: &'static str,
    ids: Vec<String>,
    what: String,
    meaning: &'static str,
}

impl From<Finding> for Violation {
    fn from(finding: Finding) -> Self {
        let (rule, meaning) = (finding.rule.as_str(), finding.rule.meaning());
        Self { rule, ids: finding.ids, what: finding.what, meaning }
    }
}

impl From<DatabaseReport> for Database {
    fn from(report: DatabaseReport) -> Self {
        let DatabaseReport { schema, known, bytes, free_bytes, problems } = report;
        Self { schema, schema_known: known, bytes, free_bytes, problems }
    }
}

/// Checks the database and prints the report.
///
/// # Errors
/// Fails if the database cannot be read.
pub(super) async fn check(globals: &Globals, store: &StoreUrl) -> Result<ExitCode, CliError> {
    let database = match store.file() {
        Ok(file) => {
            let path = file.to_path_buf();
            let work = move |stop: &_, tell: &mut dyn FnMut(_)| maintenance::check(&path, stop, tell);
            Some(with_progress(globals, file, work).await?.into())
        }
        Err(NotAFileStore::Memory) => {
            return Err(CliError::Usage(format!(
                "{store} is in memory, and ends with its server: there is nothing here"
            )));
        }
        Err(NotAFileStore::Mongo) => None,
    };
    let mut report = Report {
        store: store.to_string(),
        ok: true,
        database,
        read: Rows::default(),
        violations_total: 0,
        violations: Vec::new(),
        notes_total: 0,
        notes: Vec::new(),
        skipped: Vec::new(),
    };
    rules(globals, store, &mut report).await?;
    let sound = report.database.as_ref().is_none_or(|database| database.problems.is_empty());
    report.ok = sound && report.violations_total == 0 && report.skipped.is_empty();
    if globals.json {
        json(&report)?;
    } else {
        output::data(&words(&report))?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(UNEXPECTED) })
}

/// Checks the rules of the domain.
async fn rules(globals: &Globals, store: &StoreUrl, report: &mut Report) -> Result<(), CliError> {
    // A damaged database, or one of an older version, is already in the report. Its rows are read if possible.
    let is_file = report.database.is_some();
    let opened = match store.open_read_only(PATIENCE).await {
        Ok(opened) => opened,
        Err(OpenStoreError::Configuration(why) | OpenStoreError::Failed(why)) if is_file => {
            report.skipped.push(format!("the rules were not checked: {why}"));
            return Ok(());
        }
        Err(OpenStoreError::Configuration(why)) => return Err(CliError::Configuration(why)),
        Err(OpenStoreError::Failed(why)) => return Err(CliError::Unexpected(anyhow::anyhow!(why))),
    };
    let bar = Bar::for_people(globals);
    let mut hear = |news| match news {
        CheckEvent::Progress(progress) => bar.checking(progress),
        CheckEvent::Found(finding) => {
            let list = match finding.rule.weight() {
                Severity::Broken => &mut report.violations,
                Severity::Noted => &mut report.notes,
            };
            if list.len() < SHOWN {
                list.push(finding.into());
            }
        }
    };
    let checked = check::check(opened.as_ref(), &mut hear).await;
    bar.clear();
    opened.close().await;
    match checked {
        Ok(checked) => {
            let check::IntegrityReport { sessions, tasks, machines, events, broken, noted, skipped } = checked;
            report.read = Rows { sessions, tasks, machines, events };
            (report.violations_total, report.notes_total) = (broken, noted);
            report.skipped.extend(skipped);
            Ok(())
        }
        Err(error) if is_file => {
            report.skipped.push(format!("the rules were not checked to their end: {error}"));
            Ok(())
        }
        Err(error) => Err(CliError::Unexpected(anyhow::Error::new(error))),
    }
}

/// Formats the report for people.
fn words(report: &Report) -> String {
    let mut text = format!("{}\n", report.store);
    if let Some(database) = &report.database {
        let sound = if database.problems.is_empty() { "is sound" } else { "is DAMAGED" };
        text += &format!(
            "the file {sound}: schema {} of {}, {}, of which {} are free\n",
            database.schema,
            database.schema_known,
            size(database.bytes),
            size(database.free_bytes)
        );
        for problem in &database.problems {
            text += &format!("  {}\n", visible(problem));
        }
    }
    let Rows { sessions, tasks, machines, events } = report.read;
    let broken = match report.violations_total {
        0 if report.skipped.is_empty() => "no rule is broken".to_owned(),
        0 => "what was looked at breaks no rule".to_owned(),
        1 => "a rule is BROKEN".to_owned(),
        n => format!("rules are BROKEN {n} times"),
    };
    text += &format!("{sessions} sessions, {tasks} tasks, {machines} machines, {events} events: {broken}\n");
    append_findings(&mut text, &report.violations, report.violations_total);
    if report.notes_total > 0 {
        text += "worth knowing:\n";
        append_findings(&mut text, &report.notes, report.notes_total);
    }
    for skipped in &report.skipped {
        text += &format!("not looked at: {}\n", visible(skipped));
    }
    text
}

/// Appends each finding, with the meaning of a rule below its first finding.
fn append_findings(text: &mut String, findings: &[Violation], total: u64) {
    let mut explained = std::collections::BTreeSet::new();
    for finding in findings {
        *text += &format!("  {}\n", visible(&finding.what));
        if explained.insert(finding.rule) {
            *text += &format!("    ({}) {}\n", finding.rule, finding.meaning);
        }
    }
    let more = total.saturating_sub(findings.len() as u64);
    if more > 0 {
        *text += &format!("  and {more} more\n");
    }
}
