//! Tests of `openapi`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::routes::TABLE;

fn document() -> Value {
    serde_json::from_str(&openapi_json()).unwrap()
}

/// Returns every operation with its path and method.
fn each(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| -> Vec<_> {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, operation)| (path.clone(), method.to_uppercase(), operation.clone())).collect()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn documented_operations_equal_routes() {
    let documented: BTreeSet<_> = each(&document()).into_iter().map(|(path, method, _)| (path, method)).collect();
    let routed: BTreeSet<_> = TABLE
        .iter()
        .flat_map(|(path, methods)| methods.iter().map(|(method, _)| ((*path).to_owned(), (*method).to_owned())))
        .collect();
    assert_eq!(documented, routed);
}

#[test]
fn it_is_openapi_3_1_with_unique_operation_ids() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations = each(&document);
    let ids: BTreeSet<_> = operations.iter().map(|(_, _, operation)| operation["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations.len());
}

/// Whether a path needs a key.
fn needs_key(path: &str) -> bool {
    let public = ["/health", "/healthz", "/ready", "/readyz", "/api/docs", "/api/docs/openapi.json"];
    !public.contains(&path)
}

#[test]
fn every_operation_has_the_common_parts() {
    for (path, method, operation) in each(&document()) {
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            let at = format!("{method} {path} {status}");
            assert!(response["headers"]["X-Request-Id"].is_object(), "{at}");
            // The only status above 400 that is not an error: it reports the health of the service.
            let is_health = path == "/health/detailed" && status == "503";
            if is_health {
                let schemas = response["content"]["application/json"]["schema"]["oneOf"].as_array().unwrap();
                let names: Vec<_> = schemas.iter().map(|schema| schema["$ref"].as_str().unwrap()).collect();
                assert_eq!(names, ["#/components/schemas/DetailedHealth", "#/components/schemas/ErrorBody"]);
            } else if status.as_str() >= "400" {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ErrorBody", "{at}");
            }
            let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
            let entity = ENTITIES.iter().any(|name| schema == format!("#/components/schemas/{name}"));
            assert_eq!(response["headers"]["ETag"].is_object(), entity, "{at}");
            let counted = needs_key(&path) && (status == "429" || status.starts_with('2'));
            assert_eq!(response["headers"]["X-RateLimit-Remaining"].is_object(), counted, "{at}");
            let waits = status == "429" || status == "503";
            assert_eq!(response["headers"]["Retry-After"].is_object(), waits, "{at}");
            assert_eq!(response["headers"]["Location"].is_object(), status == "201", "{at}");
        }
        let needs_key = needs_key(&path);
        assert_eq!(operation["security"].is_array(), needs_key, "{method} {path}");
        assert_eq!(responses.contains_key("401"), needs_key, "{method} {path}");
        assert_eq!(responses.contains_key("429"), needs_key, "{method} {path}");
        assert_eq!(responses.contains_key("404"), path.contains("{id}"), "{method} {path}");
    }
}

#[test]
fn every_reference_resolves() {
    let document = document();
    let text = document.to_string();
    for kind in ["schemas", "headers"] {
        for found in text.split(&format!("\"#/components/{kind}/")).skip(1) {
            let name = found.split('"').next().unwrap();
            assert!(document["components"][kind][name].is_object(), "{name}");
        }
    }
}
