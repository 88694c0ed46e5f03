//! Conflicts between rows that were read at different moments.

use std::path::Path;

use rekindle_core::domain::session::{LiveState, Outcome};
use rekindle_core::{Session, SessionStatus, Slot, Version, Versioned};
use rekindle_testkit::sample::{ended, noon_plus, session};

use super::Sets;
use crate::error::TransferError;
use crate::rows::{Item, StoredEntity};

fn seen(sessions: &[Session]) -> Result<Sets, TransferError> {
    let mut sets = Sets::default();
    for session in sessions {
        let row = Versioned { value: session.clone(), version: Version::FIRST };
        sets.see(Path::new("f"), &Item::Row(StoredEntity::Session(row)))?;
    }
    sets.finish(Path::new("f"))?;
    Ok(sets)
}

#[test]
fn of_two_active_sessions_the_one_read_first_is_stalled() {
    let (mut newer, older) = (session(2), session(1));
    newer.project_id = older.project_id.clone();
    let sets = seen(&[newer.clone(), older.clone()]).unwrap();
    assert_eq!(sets.stalled().collect::<Vec<_>>(), [newer.id]);
    let (mut settled, mut untouched) = (newer.clone(), older.clone());
    sets.settle(&mut settled);
    sets.settle(&mut untouched);
    assert_eq!(settled.status(), SessionStatus::Stalled);
    newer.phase = rekindle_testkit::sample::live(LiveState::Stalled { prepared_at: None });
    assert_eq!((settled, untouched), (newer, older));
}

#[test]
fn conflicting_rows_are_refused() {
    let on_slot = |n| {
        let mut session = session(n);
        session.docker_slot = Some(Slot(3));
        session
    };
    let continues = |n| {
        let mut continuing = session(n);
        continuing.lineage.recovered_from = Some(session(9).id);
        continuing
    };
    for pair in [[on_slot(1), on_slot(2)], [continues(1), continues(2)], [session(1), session(1)]] {
        let refused = seen(&pair);
        assert!(matches!(refused, Err(TransferError::Contradiction { .. })), "{pair:?}");
    }
    let mut over = on_slot(1);
    over.phase = ended(noon_plus(1), Outcome::Completed);
    let sets = seen(&[over, on_slot(2), session(3)]).unwrap();
    assert!(sets.has(session(3).id) && !sets.has(session(4).id));
    assert_eq!(sets.stalled().count(), 0);
}
