//! `rekindle cleanup`: deletes old ended sessions now, or shows which ones it would delete.

use clap::Args;
use rekindle_api::CleanupQuery;

use crate::connection::Connection;
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

/// Selects the sessions to delete.
#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// The age in days at which ended sessions are deleted; without it the server's `RETENTION_DAYS`
    #[arg(long, value_name = "DAYS")]
    older_than_days: Option<u32>,
    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// Deletes the selected sessions.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn cleanup(globals: &Globals, args: &CleanupArgs) -> Result<(), CliError> {
    let server = Connection::new(globals.locate()?)?;
    let query = CleanupQuery { older_than_days: args.older_than_days, dry_run: args.dry_run.then_some(true) };
    let answer = server.send(|api| api.clean_up_sessions(&query)).await?;
    if globals.json {
        return output::data(&answer.text);
    }
    let report = &answer.value;
    let verb = if report.dry_run { "would delete" } else { "deleted" };
    output::data(&format!(
        "{verb} {} sessions and {} tasks that ended {} days ago or earlier",
        report.deleted_sessions, report.deleted_tasks, report.older_than_days
    ))
}
