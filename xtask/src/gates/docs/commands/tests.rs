//! Which calls are found in a text, and which help texts they need.

use clap::CommandFactory;

use super::*;

fn found(text: &str) -> Vec<String> {
    calls(text).into_iter().map(|call| format!("{:?} {}", call.program, call.words.join(" "))).collect()
}

#[test]
fn a_call_is_found_wherever_a_shell_runs_one() {
    assert_eq!(found("STALL_THRESHOLD_MS=3000 rekindle dev"), ["Rekindle dev"]);
    assert_eq!(
        found("OLD=$(rekindle session list --ids)\nrekindle session show $OLD"),
        ["Rekindle session list --ids", "Rekindle session show $OLD"]
    );
    assert_eq!(found("rekindle run --project p -- cargo build --release &"), ["Rekindle run --project p"]);
    assert_eq!(found("cargo run --release -- dev"), ["Rekindle dev"]);
    assert_eq!(found("URI=\"$(cargo xtask mongo uri)\""), ["Xtask mongo uri"]);
    assert_eq!(found("sudo /usr/local/bin/rekindle serve || echo no"), ["Rekindle serve"]);
    assert_eq!(found("sudo -u rekindle --preserve-env=X rekindle db check"), ["Rekindle db check"]);
    assert_eq!(found("until rekindle health; do sleep 1; done"), ["Rekindle health"]);
    assert!(found("cargo build -p rekindle-cli; cargo run -p xtask -- x; # rekindle is quiet").is_empty());
}

#[test]
fn a_help_text_names_commands_and_options() {
    let help = "Usage: x\n\nCommands:\n  list    Lists\n          them all\n  show    Shows\n\nOptions:\n  -a, --all=<N>  All\n";
    assert_eq!(subcommands(help), ["list", "show"]);
    assert!(has_flag(help, "--all"));
    assert!(!has_flag(help, "--al"));
}

#[test]
fn the_commands_of_xtask_are_known() {
    let xtask = crate::Arguments::command();
    let fault = |line: &str| of_xtask(&xtask, &call(line).unwrap());
    assert_eq!(fault("cargo xtask ci"), None);
    assert_eq!(fault("cargo xtask tour --store mongo"), None);
    assert_eq!(fault("cargo xtask gate docs"), None);
    assert!(fault("cargo xtask tuor").is_some());
    assert!(fault("cargo xtask tour --stor mongo").is_some());
    assert!(fault("cargo xtask gate dosc").is_some());
}
