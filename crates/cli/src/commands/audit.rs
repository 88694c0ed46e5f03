//! `rekindle audit`: shows the audit trail, that is who did what, when and from where, and who was refused.

use clap::Args;
use rekindle_api::{AuditQuery, Time};
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::CliError;
use crate::output;
use crate::tables;
use crate::target::Globals;
use crate::value_parsers::{id, moment};

/// Selects events of the audit trail. The latest come first.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Done with this key (its id, not the secret)
    #[arg(long, value_parser = id)]
    key: Option<Uuid>,
    /// Of this session and its tasks
    #[arg(long, value_parser = id)]
    session: Option<Uuid>,
    /// Of this machine
    #[arg(long)]
    machine: Option<String>,
    /// Of this kind, such as session.recovered or access.refused
    #[arg(long)]
    kind: Option<String>,
    /// At this time or later, such as 2026-01-19T08:30:00Z
    #[arg(long, value_parser = moment)]
    since: Option<Time>,
    /// Before this time
    #[arg(long, value_parser = moment)]
    until: Option<Time>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Continue from the `next_cursor` of an earlier answer
    #[arg(long)]
    cursor: Option<String>,
}

/// Prints the selected events.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn audit(globals: &Globals, args: AuditArgs) -> Result<(), CliError> {
    let server = Connection::new(globals.locate()?)?;
    let query = AuditQuery {
        key_id: args.key,
        session_id: args.session,
        machine_id: args.machine,
        kind: args.kind,
        since: args.since,
        until: args.until,
        limit: Some(args.limit),
        cursor: args.cursor,
    };
    let answer = server.send(|api| api.read_audit_trail(&query)).await?;
    if globals.json { output::data(&answer.text) } else { output::data(&tables::audit(&answer.value)) }
}
