//! Tests of `endpoint`.

use super::*;

const ROUTES: [&str; 9] = [
    "/api/sessions/{id}/heartbeat",
    "/api/sessions",
    "/api/sessions/health",
    "/api/sessions/{id}",
    "/api/sessions/{id}/health",
    "/api/machines/{id}",
    "/api/docs",
    "/api/docs/openapi.json",
    "/health/detailed",
];

#[test]
fn a_path_is_its_routes_template() {
    let endpoints = Endpoints::new(ROUTES);
    let cases = [
        ("/api/sessions", "/api/sessions"),
        ("/api/sessions/health", "/api/sessions/health"),
        ("/api/sessions/6fa459ea-ee8a-4ca4-894e-db77e160355e", "/api/sessions/{id}"),
        ("/api/sessions/whatever", "/api/sessions/{id}"),
        ("/api/sessions/x/heartbeat", "/api/sessions/{id}/heartbeat"),
        ("/api/sessions/health/health", "/api/sessions/{id}/health"),
        ("/api/machines/a%2Fb", "/api/machines/{id}"),
        ("/health/detailed", "/health/detailed"),
        ("/api/docs", "/api/docs"),
        ("/api/docs/openapi.json", "/api/docs/openapi.json"),
        ("/api/docs/", "/api/docs/{file}"),
        ("/api/docs/a/b/c/d/e/f/g/h", "/api/docs/{file}"),
        ("/api/sessions/", "unmatched"),
        ("/api/sessions/x/nothing", "unmatched"),
        ("//api/sessions", "unmatched"),
        ("/a/b/c/d/e/f/g/h/i", "unmatched"),
        ("/", "unmatched"),
        ("", "unmatched"),
        ("*", "unmatched"),
    ];
    for (path, template) in cases {
        assert_eq!(endpoints.name(endpoints.of(path)), template, "{path}");
    }
}

#[test]
fn every_route_is_found_by_an_example_of_it_and_by_no_other() {
    let endpoints = Endpoints::new(ROUTES);
    for path in ROUTES {
        assert_eq!(endpoints.name(endpoints.of(&path.replace("{id}", "some-id"))), path);
        assert!(endpoints.of(path).place() < endpoints.count());
    }
}
