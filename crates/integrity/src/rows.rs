//! The rules over one row. A row is read as a whole, so no second read is needed.

use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::Task;
use rekindle_core::values::Timestamp;

use crate::finding::Finding;
use crate::rule::Rule;

/// Returns what a session breaks by itself.
pub(crate) fn session(session: &Session) -> Vec<Finding> {
    let id = session.id;
    let mut found = Vec::new();
    let mut broken = |rule, what: String| found.push(Finding::of(rule, &[&id], what));
    if session.status().is_live() == session.completed_at().is_some() {
        broken(Rule::Ended, format!("session {id} is {} and completed_at disagrees", session.status()));
    }
    if !session.status().is_live() && session.current_task().is_some() {
        broken(Rule::Ended, format!("ended session {id} has a current task"));
    }
    let first = session.lineage.recovered_from.is_none();
    if session.lineage.attempt == 0 || first != (session.lineage.attempt == 1) || first != (session.lineage.id == id) {
        broken(
            Rule::Lineage,
            format!(
                "session {id} is attempt {} of the chain {}, and continues {}",
                session.lineage.attempt,
                session.lineage.id,
                session.lineage.recovered_from.map_or_else(|| "no session".to_owned(), |from| from.to_string())
            ),
        );
    }
    if session.recovered_into() == Some(id) || session.lineage.recovered_from == Some(id) {
        broken(Rule::Lineage, format!("session {id} is its own successor"));
    }
    let name = format!("session {id}");
    let born = session.created_at;
    found.extend(later(Rule::Times, &name, &id, ("updated_at", Some(session.updated_at)), ("created_at", born)));
    let heard = ("last_heartbeat", Some(session.last_heartbeat));
    found.extend(later(Rule::Times, &name, &id, heard, ("started_at", session.started_at)));
    found.extend(later(Rule::Clock, &name, &id, ("completed_at", session.completed_at()), ("created_at", born)));
    found.extend(later(Rule::Clock, &name, &id, ("prepared_at", session.prepared_at()), ("created_at", born)));
    if let Some(ended) = session.completed_at() {
        let ended = ("completed_at", ended);
        found.extend(later(Rule::Clock, &name, &id, ("archived_at", session.archived_at()), ended));
        let recovered_at = session.recovered().map(|recovered| recovered.at);
        found.extend(later(Rule::Clock, &name, &id, ("recovered_at", recovered_at), ended));
    }
    found
}

/// Returns what a task breaks by itself.
pub(crate) fn task(task: &Task) -> Vec<Finding> {
    let id = task.id;
    let name = format!("task {id}");
    let mut found = Vec::new();
    let born = ("created_at", task.created_at);
    found.extend(later(Rule::Times, &name, &id, ("updated_at", Some(task.updated_at)), born));
    found.extend(later(Rule::Clock, &name, &id, ("started_at", task.started_at()), born));
    let since = task.started_at().map_or(born, |at| ("started_at", at));
    found.extend(later(Rule::Clock, &name, &id, ("completed_at", task.completed_at()), since));
    if task.copied_from == Some(id) {
        found.push(Finding::of(Rule::Copied, &[&id], format!("task {id} is its own origin")));
    }
    found
}

/// Returns what a machine breaks by itself.
pub(crate) fn machine(machine: &Machine) -> Vec<Finding> {
    let id = &machine.id;
    let name = format!("machine {id}");
    let born = ("created_at", machine.created_at);
    let mut found = Vec::new();
    found.extend(later(Rule::Times, &name, id, ("updated_at", Some(machine.updated_at)), born));
    found.extend(later(Rule::Times, &name, id, ("last_heartbeat", Some(machine.last_heartbeat)), born));
    found
}

/// Returns a finding if the first time lies before the second.
fn later(
    rule: Rule,
    name: &str,
    id: &dyn ToString,
    (after, at): (&str, Option<Timestamp>),
    (before, since): (&str, Timestamp),
) -> Option<Finding> {
    let at = at.filter(|at| *at < since)?;
    Some(Finding::of(rule, &[id], format!("{name}: {after} {at} lies before {before} {since}")))
}
