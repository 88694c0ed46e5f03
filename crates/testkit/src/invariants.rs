//! The domain's invariants as a check over any store, by reading everything that it holds. What a crash, a race or a
//! bug would break shows here.

use std::collections::{HashMap, HashSet};

use rekindle_core::event::{EventKind, Subject};
use rekindle_core::rules::recovery::INTERRUPTED;
use rekindle_core::store::{PageRequest, SessionFilter, Start, TaskFilter};
use rekindle_core::{Session, SessionId, SessionStatus, Store, StoreError, Task, TaskStatus};

const PAGE: u32 = 500;

/// What is broken, each in a sentence that names the rows; empty when all is well.
///
/// # Errors
/// The store's.
pub async fn check(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let sessions = all_sessions(store).await?;
    let tasks = all_tasks(store).await?;
    let copies = copies(store).await?;
    let mut broken = Vec::new();
    unique_rules(&sessions, &mut broken);
    let by_id: HashMap<SessionId, &Session> = sessions.iter().map(|session| (session.id, session)).collect();
    for task in &tasks {
        match by_id.get(&task.session_id) {
            None => broken.push(format!("task {} belongs to session {}, which is gone", task.id, task.session_id)),
            Some(session) => {
                if !session.status().is_live() && task.status() == TaskStatus::InProgress {
                    broken.push(format!("task {} is in progress in ended session {}", task.id, session.id));
                }
                if task.project_id != session.project_id {
                    broken.push(format!("task {} is of another project than session {}", task.id, session.id));
                }
            }
        }
    }
    for session in &sessions {
        if session.status().is_live() == session.completed_at().is_some() {
            broken.push(format!("session {} is {} and completed_at disagrees", session.id, session.status()));
        }
        if !session.status().is_live() && session.current_task().is_some() {
            broken.push(format!("ended session {} has a current task", session.id));
        }
        if let Some(successor) = session.recovered_into().and_then(|id| by_id.get(&id)) {
            lineage(session, successor, &mut broken);
            nothing_left_behind(session, successor, &tasks, &copies, &mut broken);
        }
    }
    Ok(broken)
}

/// As [`check`], for a test that goes on only when all is well.
///
/// # Panics
/// When anything is broken.
pub async fn assert_hold(store: &dyn Store) {
    let broken = check(store).await.unwrap();
    assert!(broken.is_empty(), "invariants are broken:\n  {}", broken.join("\n  "));
}

fn unique_rules(sessions: &[Session], broken: &mut Vec<String>) {
    let mut active = HashSet::new();
    let mut slots = HashSet::new();
    let mut successors = HashSet::new();
    for session in sessions {
        let id = session.id;
        if session.status() == SessionStatus::Active && !active.insert((&session.project_id, &session.machine_id)) {
            broken.push(format!("session {id} is a second active one of its project on its machine"));
        }
        if let Some(slot) = session.docker_slot.filter(|_| session.status().is_live())
            && !slots.insert((&session.machine_id, slot))
        {
            broken.push(format!("session {id} is a second live one on slot {slot} of {}", session.machine_id));
        }
        if let Some(original) = session.lineage.recovered_from
            && !successors.insert(original)
        {
            broken.push(format!("session {id} is a second successor of {original}"));
        }
    }
}

fn lineage(original: &Session, successor: &Session, broken: &mut Vec<String>) {
    let goes_on = successor.lineage.recovered_from == Some(original.id)
        && successor.lineage.id == original.lineage.id
        && successor.lineage.attempt == original.lineage.attempt + 1;
    if !goes_on {
        broken.push(format!("successor {} does not continue the lineage of {}", successor.id, original.id));
    }
}

/// Every task of a recovered session that was neither completed nor failed was copied into its successor. A failed
/// one may have been left on purpose, but not one that was interrupted by the recovery itself.
fn nothing_left_behind(
    original: &Session,
    successor: &Session,
    tasks: &[Task],
    copies: &HashSet<(SessionId, String)>,
    broken: &mut Vec<String>,
) {
    for task in tasks.iter().filter(|task| task.session_id == original.id) {
        let unfinished = match task.status() {
            TaskStatus::Pending | TaskStatus::Blocked | TaskStatus::InProgress => true,
            TaskStatus::Failed => task.error_message().is_some_and(|why| why.as_str() == INTERRUPTED),
            TaskStatus::Completed => false,
        };
        if unfinished && !copies.contains(&(successor.id, task.id.to_string())) {
            broken.push(format!("task {} of {} was left behind by {}", task.id, original.id, successor.id));
        }
    }
}

/// Which session got a copy of which task, from the events: the copy itself may have been deleted since.
async fn copies(store: &dyn Store) -> Result<HashSet<(SessionId, String)>, StoreError> {
    let mut copies = HashSet::new();
    let mut after = None;
    loop {
        let events = store.events(after.as_ref(), PAGE).await?;
        let Some(last) = events.last() else { return Ok(copies) };
        after = Some(last.position.clone());
        for recorded in events {
            if let (EventKind::TaskCreated, Subject::Task(_, session)) = (recorded.event.kind, &recorded.event.subject)
                && let Some(original) = recorded.event.detail.get("copied_from").and_then(|id| id.as_str())
            {
                copies.insert((*session, original.to_owned()));
            }
        }
    }
}

async fn all_sessions(store: &dyn Store) -> Result<Vec<Session>, StoreError> {
    let mut all = Vec::new();
    let mut start = Start::Offset(0);
    loop {
        let page = store.sessions(&SessionFilter::default(), PageRequest { limit: PAGE, start }).await?;
        all.extend(page.items.into_iter().map(|row| row.value));
        match page.next {
            Some(next) => start = Start::After(next),
            None => return Ok(all),
        }
    }
}

async fn all_tasks(store: &dyn Store) -> Result<Vec<Task>, StoreError> {
    let mut all = Vec::new();
    let mut start = Start::Offset(0);
    loop {
        let page = store.tasks(&TaskFilter::default(), PageRequest { limit: PAGE, start }).await?;
        all.extend(page.items.into_iter().map(|row| row.value));
        match page.next {
            Some(next) => start = Start::After(next),
            None => return Ok(all),
        }
    }
}
