//! The client's operations are those of `docs/openapi.json`, under the same names and with the same types.

use std::collections::BTreeSet;
use std::path::Path;

use rekindle_client::OPERATIONS;
use serde_json::Value;

/// An operation id in snake case, which is the name of the client's method.
fn snake_case(id: &str) -> String {
    let mut name = String::new();
    for letter in id.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The name of the schema that the content of a request or of an answer refers to.
fn schema(content: &Value) -> Option<String> {
    let reference = content.pointer("/content/application~1json/schema/$ref")?.as_str()?;
    reference.rsplit('/').next().map(str::to_owned)
}

#[test]
fn every_operation_of_the_api_has_a_method() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let responses = operation["responses"].as_object().unwrap();
            let answer =
                responses.iter().filter(|(status, _)| status.starts_with('2')).find_map(|(_, one)| schema(one));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let has_query = parameters.iter().any(|parameter| parameter["in"] == "query");
            let body = schema(&operation["requestBody"]);
            documented.insert((method.to_uppercase(), path.clone(), snake_case(id), has_query, body, answer));
        }
    }
    let known = OPERATIONS.iter().map(|operation| {
        let answer = Some(operation.answer.to_owned()).filter(|answer| answer != "()" && answer != "String");
        let body = operation.body.map(str::to_owned);
        let (method, path, name) = (operation.method.to_owned(), operation.path.to_owned(), operation.name.to_owned());
        (method, path, name, operation.query.is_some(), body, answer)
    });
    assert_eq!(known.collect::<BTreeSet<_>>(), documented);
}
