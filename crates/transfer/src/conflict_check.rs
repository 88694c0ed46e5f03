//! The rules over several rows of a file. An export of a store in use does not show one moment, so two sessions may
//! seem to have what only one can have. Of two active sessions, the one that was read first cannot be active any more:
//! it is imported as stalled, and a heartbeat makes it active again. Every other conflict is refused.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rekindle_core::domain::session::{Live, LiveState, Phase};
use rekindle_core::{Session, SessionId, SessionStatus};

use crate::error::TransferError;
use crate::rows::{Item, StoredEntity};

/// The sessions of a file and their memberships, as hashes: about 40 MB for a million sessions.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    /// Sorted by [`Self::finish`].
    sessions: Vec<SessionId>,
    active: HashMap<u64, SessionId>,
    slots: HashSet<u64>,
    successors: HashSet<u64>,
    stalled: HashSet<SessionId>,
}

impl Sets {
    /// Records one row. Rows must come in the order of the file.
    ///
    /// # Errors
    /// Fails if the row conflicts with an earlier one.
    pub(crate) fn see(&mut self, path: &Path, item: &Item) -> Result<(), TransferError> {
        let Item::Row(StoredEntity::Session(row)) = item else { return Ok(()) };
        let session = &row.value;
        let (id, place) = (session.id, session.machine_id.as_str());
        let status = session.status();
        if status == SessionStatus::Active
            && let Some(first) = self.active.insert(mark((session.project_id.as_str(), place)), id)
        {
            self.stalled.insert(first);
        }
        let contradiction = |what| Err(TransferError::Contradiction { path: path.to_path_buf(), what });
        if let Some(slot) = session.docker_slot.filter(|_| status.is_live())
            && !self.slots.insert(mark((place, slot)))
        {
            return contradiction(format!("session {id} is on slot {slot} of {place}, and another live one too"));
        }
        if let Some(from) = session.lineage.recovered_from
            && !self.successors.insert(mark(from))
        {
            return contradiction(format!("session {id} continues {from}, and another one too"));
        }
        self.sessions.push(id);
        Ok(())
    }

    /// Must be called after the last row.
    ///
    /// # Errors
    /// Fails if a session occurs twice.
    pub(crate) fn finish(&mut self, path: &Path) -> Result<(), TransferError> {
        self.sessions.sort_unstable();
        (self.active, self.slots, self.successors) = Default::default();
        let twice = self.sessions.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| {
            let what = format!("session {} is there twice", pair[0]);
            Err(TransferError::Contradiction { path: path.to_path_buf(), what })
        })
    }

    /// Whether a session is in the file.
    pub(crate) fn has(&self, session: SessionId) -> bool {
        self.sessions.binary_search(&session).is_ok()
    }

    /// Returns the sessions that are to be imported as stalled.
    pub(crate) fn stalled(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.stalled.iter().copied()
    }

    /// Changes an active session that conflicts with a later one to stalled.
    pub(crate) fn settle(&self, session: &mut Session) {
        if self.stalled.contains(&session.id)
            && let Phase::Live(Live { state, .. }) = &mut session.phase
        {
            *state = LiveState::Stalled { prepared_at: None };
        }
    }
}

fn mark(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
