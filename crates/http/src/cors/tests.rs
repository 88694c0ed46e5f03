//! Tests of `cors`: which texts are origins.

use super::*;

#[test]
fn origins_are_exact() {
    let good = [
        "https://app.example.org",
        "http://localhost:5173",
        "http://127.0.0.1:8080",
        "http://[::1]:3000",
        "https://[2001:db8::1]",
        "vscode-webview://0b7p4l5g1q2c-3",
        "https://app.example.org:8443, vscode-webview://x ,",
        "",
    ];
    for text in good {
        assert!(AllowedOrigins::parse(text).is_ok(), "{text}");
    }
    let bad = [
        ("*", "every website"),
        ("https://a.example,*", "every website"),
        ("null", "sandboxed"),
        ("app.example.org", "scheme"),
        ("://app.example.org", "scheme"),
        ("1x://app.example.org", "scheme"),
        ("https://", "host"),
        ("https://app.example.org/", "path"),
        ("https://app.example.org/x", "path"),
        ("https://app.example.org?x", "path"),
        ("https://*.example.org", "host"),
        ("https://me@app.example.org", "host"),
        ("https://app example.org", "host"),
        ("https://[::1", "host"),
        ("https://[x]", "host"),
        ("https://app.example.org:", "port"),
        ("https://app.example.org:0", "port"),
        ("https://app.example.org:65536", "port"),
        ("https://app.example.org:443", "own port"),
        ("http://app.example.org:80", "own port"),
    ];
    for (text, why) in bad {
        let fault = AllowedOrigins::parse(text).unwrap_err().0;
        assert!(fault.contains(why) && fault.contains("exact origins"), "{text}: {fault}");
    }
}

#[test]
fn an_origin_is_compared_as_a_browser_writes_it() {
    let allowed = AllowedOrigins::parse("https://App.Example.org,http://localhost:1").unwrap();
    let decide = |origin: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        allowed.decide(&headers)
    };
    assert_eq!(
        decide("https://app.example.org"),
        OriginDecision::Allowed(HeaderValue::from_static("https://app.example.org"))
    );
    assert!(matches!(decide("http://localhost:1"), OriginDecision::Allowed(_)));
    for foreign in ["https://app.example.org.evil.example", "http://app.example.org", "http://localhost:12", "null"] {
        assert_eq!(decide(foreign), OriginDecision::NotAllowed, "{foreign}");
    }
    assert_eq!(allowed.decide(&HeaderMap::new()), OriginDecision::NotAllowed);
    assert_eq!(AllowedOrigins::default().decide(&HeaderMap::new()), OriginDecision::Off);
}
