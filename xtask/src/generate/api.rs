//! `docs/API.md`: the table of endpoints and the reference, from the OpenAPI document and from requests that are sent
//! to a server. Every block of commands there was run, and the response below it is the server's.

mod examples;
mod layout;
mod play;

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::examples::EXAMPLES;
use self::play::Answer;
use super::place;

/// Statuses of all endpoints; the page explains them once.
const COMMON: [&str; 9] = ["401", "403", "413", "415", "422", "429", "500", "503", "504"];

/// Returns the page with the generated parts in their places.
pub(super) fn with_reference(page: &str) -> Result<String> {
    let document: Value = serde_json::from_str(&rekindle_http::openapi_json())?;
    for code in document["components"]["schemas"]["ErrorCode"]["enum"].as_array().context("there are no error codes")? {
        let code = code.as_str().unwrap_or_default();
        ensure!(page.contains(&format!("`{code}`")), "docs/API.md does not say what the error {code} means");
    }
    let answers = play::play()?;
    let operations = Operation::all(&document)?;
    let reference = reference(&document, &operations, &answers)?;
    place::put(&place::put(page, "endpoints", &table(&operations))?, "reference", &reference)
}

/// Returns whether a block of commands is run whenever the page is generated or checked.
pub(crate) fn is_played(commands: &str) -> bool {
    EXAMPLES.iter().any(|example| example.of.is_some() && example.command == commands.trim_end())
}

struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    what: &'a Value,
}

impl<'a> Operation<'a> {
    fn all(document: &'a Value) -> Result<Vec<Self>> {
        let paths = document["paths"].as_object().context("the OpenAPI document has no paths")?;
        let mut all = Vec::new();
        for (path, item) in paths {
            let methods = item.as_object().context("a path is an object")?;
            all.extend(methods.iter().map(|(method, what)| Operation { method, path, what }));
        }
        Ok(all)
    }

    fn words(&self, field: &str) -> String {
        self.what[field].as_str().unwrap_or_default().replace('\n', " ")
    }

    /// The required role, as the server's refusal names it.
    fn role(&self) -> String {
        let refusal = self.what["responses"]["403"]["description"].as_str().unwrap_or_default();
        let role = refusal.split("the role ").nth(1).and_then(|rest| rest.split([' ', ',']).next());
        let all = if refusal.contains("bound to no project") { ", all projects" } else { "" };
        role.map_or_else(|| "anybody".to_owned(), |role| format!("{role}{all}"))
    }

    fn verb(&self) -> String {
        self.method.to_uppercase()
    }
}

fn table(operations: &[Operation<'_>]) -> String {
    let mut table = String::from("| endpoint | for | what it does |\n| --- | --- | --- |\n");
    for operation in operations {
        let (verb, path, role) = (operation.verb(), operation.path, operation.role());
        let _ = writeln!(table, "| `{verb} {path}` | {role} | {} |", operation.words("summary"));
    }
    table
}

fn reference(document: &Value, operations: &[Operation<'_>], answers: &[Answer]) -> Result<String> {
    let mut text = String::new();
    let mut described = 0;
    for tag in document["tags"].as_array().context("the OpenAPI document has no tags")? {
        let name = tag["name"].as_str().unwrap_or_default();
        let description = tag["description"].as_str().unwrap_or_default();
        let title = name.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let _ = writeln!(text, "### {title}{}\n\n{description}.\n", &name[title.len()..]);
        for operation in operations.iter().filter(|operation| operation.what["tags"][0] == name) {
            describe(&mut text, document, operation, answers)?;
            described += 1;
        }
    }
    ensure!(described == operations.len(), "an operation has a tag that the OpenAPI document does not list");
    Ok(text)
}

fn describe(text: &mut String, document: &Value, operation: &Operation<'_>, answers: &[Answer]) -> Result<()> {
    let (verb, path) = (operation.verb(), operation.path);
    let _ = writeln!(text, "#### {verb} {path}\n");
    let _ = write!(text, "{}. {}", operation.words("summary"), operation.words("description"));
    *text = format!("{} For: {}.\n\n", text.trim_end(), operation.role());
    let parts: String = [parameters(operation), body(document, operation), refusals(operation)].concat();
    if !parts.is_empty() {
        let _ = writeln!(text, "{parts}");
    }
    let key = (operation.method, operation.path);
    let mine = EXAMPLES.iter().zip(answers).filter(|(example, _)| example.of == Some(key));
    let mut is_shown = false;
    for (example, answer) in mine {
        is_shown = true;
        let _ = writeln!(text, "```sh\n{}\n```\n", example.command);
        let status = answer.status;
        if answer.body.is_empty() {
            let _ = writeln!(text, "Answer {status}, without a body.\n");
        } else {
            let _ = writeln!(text, "Answer {status}:\n\n```text\n{}\n```\n", layout::lay_out(&answer.body)?);
        }
    }
    ensure!(is_shown, "{verb} {path} has no example in xtask/src/generate/api/examples.rs");
    Ok(())
}

/// Returns the parameters that are not headers; the headers are the same for all endpoints.
fn parameters(operation: &Operation<'_>) -> String {
    let mut text = String::new();
    for parameter in operation.what["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (&parameter["name"], &parameter["in"]);
        if let (Some(name), Some("query")) = (name.as_str(), place.as_str()) {
            let description = parameter["description"].as_str().unwrap_or_default();
            let _ = writeln!(text, "- `?{name}`: {}", description.replace('\n', " "));
        }
    }
    text
}

fn body(document: &Value, operation: &Operation<'_>) -> String {
    let mut text = String::new();
    let reference = &operation.what["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let Some(schema) = reference.as_str().and_then(|path| document.pointer(path.trim_start_matches('#'))) else {
        return text;
    };
    let required = schema["required"].as_array();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let must = required.is_some_and(|required| required.iter().any(|one| one == name.as_str()));
        let must = if must { " (required)" } else { "" };
        let description = field["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "- `{name}`{must}: {description}");
    }
    text
}

fn refusals(operation: &Operation<'_>) -> String {
    let mut text = String::new();
    for (status, answer) in operation.what["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') && !COMMON.contains(&status.as_str()) {
            let description = answer["description"].as_str().unwrap_or_default().replace('\n', " ");
            let _ = writeln!(text, "- {status}: {description}");
        }
    }
    text
}
