//! Hints: the last lines of an error message, which say what to do and which command to type.

use std::path::Path;

use rekindle_api::ErrorBody;

use crate::target::Target;

/// Returns what to check when the server could not be reached.
pub(crate) fn for_unreachable(what: &str, found: &str, ca: Option<&Path>) -> String {
    if what.contains("certificate") { for_distrust(ca) } else { for_silence(found) }
}

/// Returns the hint for a server that does not answer.
fn for_silence(found: &str) -> String {
    format!("that URL is {found}; check that the server runs there, or start one with `rekindle dev`")
}

/// Returns the hint for a server whose certificate is not trusted.
fn for_distrust(ca: Option<&Path>) -> String {
    match ca {
        None => {
            "if its certificate is signed by an authority of your own, name that one's certificate with --ca FILE or \
                 REKINDLE_CA_FILE"
                .to_owned()
        }
        Some(file) => format!("none of the certificates in {} or of this host has signed it", file.display()),
    }
}

/// Returns the hints for a refusal by the server.
pub(crate) fn for_refusal(target: &Target, body: &ErrorBody) -> Vec<String> {
    let mut advice = Vec::new();
    let mut say = |words: String| advice.push(words);
    match body.code.as_str() {
        "api_key_required" | "api_key_malformed" | "api_key_invalid" => say(format!(
            "set REKINDLE_API_KEY to a key of {}: one of its API_KEYS, or for `rekindle dev` what is in its \
             .rekindle/api-key",
            target.url
        )),
        "session_conflict" | "slot_conflict" => {
            if let Some(id) = body.detail("existing_session_id") {
                say(format!("what it has done: rekindle session recovery-state {id}"));
                say(format!("if nothing works on it any more: rekindle session stall {id}"));
                say(format!("then to go on with it: rekindle session recover {id}"));
            }
        }
        "session_ended" => {
            if let Some(id) = body.detail("successor_session_id") {
                say(format!("it goes on as: rekindle session show {id}"));
            }
        }
        "revision_mismatch" => say("somebody changed it in between: look at it again, then decide anew".to_owned()),
        _ => {}
    }
    advice
}
