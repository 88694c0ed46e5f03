//! Duplicates are found in any number of rounds.

use uuid::Uuid;

use super::*;
use rekindle_core::domain::session::{Ended, Lineage, Live, LiveState, Outcome, Phase};
use rekindle_core::values::{Metadata, Slot, Timestamp};

fn session(n: u128, state: Option<LiveState>, slot: Option<u16>, from: Option<u128>) -> Session {
    let id = SessionId(Uuid::from_u128(n));
    let at = Timestamp::from_millis(0);
    let phase = match state {
        Some(state) => Phase::Live(Live { state, current_task: None }),
        None => Phase::Ended(Ended { at, outcome: Outcome::Completed, archived_at: None }),
    };
    Session {
        id,
        project_id: format!("p{n}").parse().unwrap(),
        machine_id: "m".parse().unwrap(),
        docker_slot: slot.map(Slot),
        phase,
        last_heartbeat: at,
        started_at: at,
        metadata: Metadata::default(),
        lineage: Lineage { id, attempt: 1, recovered_from: from.map(|from| SessionId(Uuid::from_u128(from))) },
        created_at: at,
        updated_at: at,
    }
}

fn broken(sessions: &[Session], memberships: u64) -> Vec<Rule> {
    let mut doubles = DuplicateFinder::among(memberships);
    loop {
        sessions.iter().for_each(|session| doubles.insert(session));
        if !doubles.next_round() {
            break;
        }
    }
    if doubles.any() {
        sessions.iter().for_each(|session| doubles.name(session));
    }
    let by_id = |id| sessions.iter().find(|session| session.id == id).unwrap();
    let clashes = doubles.candidates().into_iter();
    let mut rules: Vec<_> = clashes.filter_map(|(rule, a, b)| Some(clash(rule, by_id(a), by_id(b))?.rule)).collect();
    rules.sort_unstable();
    rules
}

#[test]
fn each_rule_is_checked_in_one_round_and_in_several() {
    let active = Some(LiveState::Active);
    let mut second = session(2, active, None, None);
    second.project_id = session(1, active, None, None).project_id;
    let sessions = [
        session(1, active, None, None),
        second,
        session(3, Some(LiveState::Paused), Some(7), None),
        session(4, Some(LiveState::Stalled { prepared_at: None }), Some(7), None),
        session(5, None, None, Some(1)),
        session(6, None, None, Some(1)),
        session(7, active, None, Some(1)),
    ];
    let expected = [Rule::OneActive, Rule::OnePerSlot, Rule::OneSuccessor, Rule::OneSuccessor];
    for memberships in [0, 3 * HELD, 50 * HELD] {
        assert_eq!(broken(&sessions, memberships), expected, "{memberships}");
    }
}

#[test]
fn sessions_that_share_no_set_break_no_rule() {
    let active = Some(LiveState::Active);
    let mut elsewhere = session(1, active, Some(7), None);
    elsewhere.id = SessionId(Uuid::from_u128(9));
    elsewhere.machine_id = "n".parse().unwrap();
    let mut ended = session(1, None, Some(7), None);
    ended.id = SessionId(Uuid::from_u128(10));
    let mut paused = session(1, Some(LiveState::Paused), None, Some(2));
    paused.id = SessionId(Uuid::from_u128(11));
    assert_eq!(broken(&[session(1, active, Some(7), Some(1)), elsewhere, ended, paused], 0), []);
}
