//! `rekindle cleanup`: deletes old ended sessions now, or tells which it would.

use clap::Args;
use rekindle_api::CleanupQuery;

use crate::connection::Connection;
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

/// What to delete.
#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// The age in days at which ended sessions go; without it the server's `RETENTION_DAYS`
    #[arg(long, value_name = "DAYS")]
    older_than_days: Option<u32>,
    /// Tell what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// Deletes them.
///
/// # Errors
/// The server's.
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
