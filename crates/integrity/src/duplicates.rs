//! The rules about sets of sessions: one active per project and machine, one live per slot, one successor per session.
//! Memory stays bounded for any number of sessions: each membership is reduced to a hash of eight bytes, the hashes are
//! compared in several rounds, and only sessions with a duplicate are then compared by name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::store::UniqueRule;
use rekindle_core::values::SessionId;

use crate::finding::Finding;
use crate::rule::Rule;

/// The number of memberships that are compared in one round: 32 MB.
const HELD: u64 = 4_000_000;
/// The largest number of sessions that are compared by name. More violations than that are not reported.
const NAMED: usize = 100_000;

/// The hash of a membership.
type Mark = u64;

/// Returns the memberships of a session.
pub(crate) fn marks(session: &Session) -> impl Iterator<Item = (UniqueRule, Mark)> {
    let active = (session.status() == SessionStatus::Active).then(|| {
        let key = (session.project_id.as_str(), session.machine_id.as_str());
        (UniqueRule::ActivePerProjectAndMachine, mark(1, key))
    });
    let slot = session.docker_slot.filter(|_| session.status().is_live());
    let slot = slot.map(|slot| (UniqueRule::LivePerSlot, mark(2, (session.machine_id.as_str(), slot))));
    let successor = session.lineage.recovered_from.map(|original| (UniqueRule::Successor, mark(3, original)));
    active.into_iter().chain(slot).chain(successor)
}

fn mark(kind: u8, key: impl Hash) -> Mark {
    let mut hasher = DefaultHasher::new();
    (kind, key).hash(&mut hasher);
    hasher.finish()
}

/// Returns the finding if both sessions break this rule together.
pub(crate) fn clash(rule: UniqueRule, one: &Session, other: &Session) -> Option<Finding> {
    let both = |is: fn(SessionStatus) -> bool| is(one.status()) && is(other.status());
    let place = |session: &Session| session.machine_id.clone();
    if one.id == other.id {
        return None;
    }
    let (a, b) = (one.id, other.id);
    let (rule, holds, what) = match rule {
        // This rule is not about sessions.
        UniqueRule::IdempotencyKey | UniqueRule::Other(_) => return None,
        UniqueRule::ActivePerProjectAndMachine => (
            Rule::OneActive,
            both(|status| status == SessionStatus::Active)
                && (&one.project_id, place(one)) == (&other.project_id, place(other)),
            format!(
                "session {a} is a second active one of project {} on machine {}, beside {b}",
                one.project_id, one.machine_id
            ),
        ),
        UniqueRule::LivePerSlot => (
            Rule::OnePerSlot,
            both(SessionStatus::is_live)
                && one.docker_slot.is_some()
                && (one.docker_slot, place(one)) == (other.docker_slot, place(other)),
            format!(
                "session {a} is a second live one on slot {} of machine {}, beside {b}",
                one.docker_slot.map_or_else(String::new, |slot| slot.to_string()),
                one.machine_id
            ),
        ),
        UniqueRule::Successor => (
            Rule::OneSuccessor,
            one.lineage.recovered_from.is_some() && one.lineage.recovered_from == other.lineage.recovered_from,
            format!(
                "session {a} is a second successor of {}, beside {b}",
                one.lineage.recovered_from.map_or_else(String::new, |id| id.to_string())
            ),
        ),
    };
    holds.then(|| Finding::of(rule, &[&a, &b], what))
}

/// Finds memberships that occur twice.
pub(crate) struct DuplicateFinder {
    rounds: u64,
    round: u64,
    held: Vec<Mark>,
    /// Memberships that occur twice, with the sessions that have them.
    doubled: HashMap<Mark, Vec<(UniqueRule, SessionId)>>,
    named: usize,
}

impl DuplicateFinder {
    /// Returns a finder for about this many memberships.
    pub(crate) fn among(memberships: u64) -> Self {
        Self { rounds: memberships / HELD + 1, round: 0, held: Vec::new(), doubled: HashMap::new(), named: 0 }
    }

    /// Records the memberships of a session that belong to this round.
    pub(crate) fn insert(&mut self, session: &Session) {
        let (rounds, round) = (self.rounds, self.round);
        self.held.extend(marks(session).map(|(_, mark)| mark).filter(|mark| mark % rounds == round));
    }

    /// Ends a round, in which every session must have been inserted. Returns whether another round is needed.
    pub(crate) fn next_round(&mut self) -> bool {
        self.held.sort_unstable();
        for pair in self.held.windows(2) {
            if let [one, other] = pair
                && one == other
                && self.doubled.len() < NAMED
            {
                self.doubled.entry(*one).or_default();
            }
        }
        self.held.clear();
        self.round += 1;
        self.round < self.rounds
    }

    /// Whether there are duplicates, so that sessions must be compared by name.
    pub(crate) fn any(&self) -> bool {
        !self.doubled.is_empty()
    }

    /// Records the session if it has a membership that occurs twice.
    pub(crate) fn name(&mut self, session: &Session) {
        for (rule, mark) in marks(session) {
            if let Some(members) = self.doubled.get_mut(&mark).filter(|_| self.named < NAMED) {
                members.push((rule, session.id));
                self.named += 1;
            }
        }
    }

    /// Returns each member of a duplicate set after the first, together with the first.
    pub(crate) fn candidates(self) -> Vec<(UniqueRule, SessionId, SessionId)> {
        let mut suspects = Vec::new();
        for members in self.doubled.into_values() {
            if let Some(((rule, first), others)) = members.split_first() {
                suspects.extend(others.iter().map(|(_, other)| (*rule, *other, *first)));
            }
        }
        suspects.sort_by_key(|(_, one, other)| (*one, *other));
        suspects
    }
}

#[cfg(test)]
mod tests;
