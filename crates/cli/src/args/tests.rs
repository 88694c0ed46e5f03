//! Parsing of the command line.

use clap::CommandFactory;

use super::*;

#[test]
fn the_clap_definition_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn the_arguments_of_a_command_are_passed_on_unchanged() {
    let line = ["rekindle", "run", "--project", "p", "--", "make", "--json", "-k", "--", "x"];
    let cli = Cli::try_parse_from(line).unwrap();
    assert!(!cli.globals.json);
    assert!(matches!(cli.command, Command::Run(_)));
}

#[test]
fn a_run_needs_a_project_or_a_session_and_a_command() {
    for line in [
        &["rekindle", "run", "--", "true"][..],
        &["rekindle", "run", "--project", "p"],
        &["rekindle", "run", "--project", "p", "--name", " ", "--", "true"],
        &["rekindle", "run", "--session", "6fa459ea-ee8a-4ca4-894e-db77e160355e", "--machine", "m", "--", "true"],
    ] {
        assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
    }
}
