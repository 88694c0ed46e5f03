//! A path as the log may show it, where no route tells which of its parts are names.

use std::borrow::Cow;

use crate::auth::parse_key;

/// A path that is longer is nobody's but an attacker's.
const LONGEST: usize = 200;

/// The path with `{id}` in place of everything that could be a key: ids look the same.
pub(super) fn shown(path: &str) -> Cow<'_, str> {
    let cut = path.char_indices().nth(LONGEST).map(|(at, _)| &path[..at]);
    // Cut at a part's end, or half a key could stand there.
    let shown = cut.map_or(path, |cut| cut.rsplit_once('/').map_or("", |(whole, _)| whole));
    let is_key = |part: &str| parse_key(part).is_some();
    if !shown.split('/').any(is_key) {
        return if cut.is_some() { format!("{shown}/…").into() } else { shown.into() };
    }
    let parts: Vec<_> = shown.split('/').map(|part| if is_key(part) { "{id}" } else { part }).collect();
    let end = if cut.is_some() { "/…" } else { "" };
    format!("{}{end}", parts.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, shown};

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
