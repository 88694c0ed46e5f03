//! Redacts client input for the log: clients may put an API key in the wrong place.

use std::borrow::Cow;

use actix_web::http::header::HeaderValue;

use crate::auth::parse_key;

/// The longest path that the log shows; no valid path is longer.
const LONGEST: usize = 200;

/// Returns a path with `{id}` in place of every part that could be a key, since ids have the same form. For paths that
/// match no route.
pub(crate) fn path(path: &str) -> Cow<'_, str> {
    let cut = path.char_indices().nth(LONGEST).map(|(at, _)| &path[..at]);
    // The cut is at the end of a part, so that no half of a key remains.
    let shown = cut.map_or(path, |cut| cut.rsplit_once('/').map_or("", |(whole, _)| whole));
    let is_key = |part: &str| parse_key(part).is_some();
    if !shown.split('/').any(is_key) {
        return if cut.is_some() { format!("{shown}/…").into() } else { shown.into() };
    }
    let parts: Vec<_> = shown.split('/').map(|part| if is_key(part) { "{id}" } else { part }).collect();
    let end = if cut.is_some() { "/…" } else { "" };
    format!("{}{end}", parts.join("/")).into()
}

/// Returns a text without the API key of the request.
pub(crate) fn without<'a>(text: &'a str, key: Option<&HeaderValue>) -> Cow<'a, str> {
    let key = key.and_then(|key| key.to_str().ok()).filter(|key| parse_key(key).is_some());
    let Some(key) = key.map(str::to_ascii_lowercase) else { return text.into() };
    let lower = text.to_ascii_lowercase();
    if !lower.contains(&key) {
        return text.into();
    }
    let (mut clean, mut from) = (String::new(), 0);
    for (at, found) in lower.match_indices(&key) {
        clean.push_str(text.get(from..at).unwrap_or_default());
        clean.push_str("{key}");
        from = at + found.len();
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean.into()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::{LONGEST, path as shown, without};

    #[test]
    fn the_callers_key_is_taken_out_of_any_text() {
        let key = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
        let header = HeaderValue::from_static(key);
        let text = format!("é there is no {} nor {key}, ß", key.to_uppercase());
        assert_eq!(without(&text, Some(&header)), "é there is no {key} nor {key}, ß");
        assert_eq!(without("nothing", Some(&header)), "nothing");
        assert_eq!(without("short", Some(&HeaderValue::from_static("short"))), "short", "no key is that short");
    }

    #[test]
    fn what_could_be_a_key_is_not_shown() {
        let key = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
        assert_eq!(shown("/api/nothing"), "/api/nothing");
        assert_eq!(shown(&format!("/api/sessions/{key}/heartbeat")), "/api/sessions/{id}/heartbeat");
        assert_eq!(shown(&format!("/{}", key.to_uppercase())), "/{id}");
        let long = format!("/{}/{key}", "x".repeat(LONGEST - 10));
        assert!(!shown(&long).contains("6fa459ea"), "{}", shown(&long));
        assert_eq!(shown(&"y".repeat(LONGEST + 1)), "/…");
    }
}
