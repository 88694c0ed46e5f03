//! Exports and imports through the port: everything arrives unchanged, whatever interrupts them.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{Changes, Claim, Entity, FindTyped, LeaseName, Write, queries};
use rekindle_core::use_cases::Policy;
use rekindle_core::{RandomIds, Session, SessionId, Store, Tracker};
use rekindle_testkit::sample::{self, noon_plus, session, task, uuid};
use rekindle_testkit::{Fault, FaultyStore, ManualClock, MemoryStore};
use rekindle_transfer::{Existing, Exporting, Stop, TransferError};
use support::{
    assert_holds, every_shape, everything, export, export_until, exporting, fill, import, import_until, many, sqlite,
    verify,
};

async fn full() -> MemoryStore {
    let store = MemoryStore::new();
    fill(&store).await;
    store
}

async fn small() -> MemoryStore {
    let store = MemoryStore::new();
    store.commit(every_shape()).await.unwrap();
    store
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_import_restores_everything_that_was_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.gz"), folder.path().join("two.gz"));
    let first = full().await;
    let expected = everything(&first).await;
    let exported = export(&first, exporting(&one)).await.unwrap();
    assert!(!exported.changed_meanwhile);
    assert_eq!((exported.rows.sessions, exported.rows.tasks), (615, 1210));
    assert_eq!(exported.bytes, fs::metadata(&one).unwrap().len());

    let second = sqlite(&folder.path().join("second.db"));
    let imported = import(second.as_ref(), &one).await.unwrap();
    assert_eq!((imported.rows, imported.left_out.total(), imported.resumed), (exported.rows, 0, 0));
    assert_holds(second.as_ref(), &expected).await;

    let again = export(second.as_ref(), exporting(&two)).await.unwrap();
    assert_eq!(again.rows, exported.rows);
    let third = MemoryStore::new();
    import(&third, &two).await.unwrap();
    assert_holds(&third, &expected).await;
    second.close().await;
    assert_eq!(names(folder.path()), ["one.gz", "second.db", "two.gz"]);
}

#[tokio::test]
async fn an_empty_store_can_be_moved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    export(&MemoryStore::new(), exporting(&file)).await.unwrap();
    let target = MemoryStore::new();
    assert_eq!(import(&target, &file).await.unwrap().rows.total(), 0);
}

#[tokio::test]
async fn an_interrupted_export_continues_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let store = full().await;
    let expected = everything(&store).await;
    let (file, part) = (folder.path().join("f"), folder.path().join("f.part"));
    for steps in [1, 2, 3, 5, 7] {
        let stopped = export_until(&store, exporting(&file), steps).await;
        if stopped.is_ok() {
            fs::remove_file(&file).unwrap();
            continue;
        }
        assert!(matches!(&stopped, Err(TransferError::Paused(path)) if *path == part), "{stopped:?}");
        assert!(!file.exists(), "nothing unfinished has the name");
        let refused = export(&store, exporting(&file)).await;
        assert!(matches!(refused, Err(TransferError::Interrupted(_))), "{refused:?}");
        let other = Exporting { store: "another store", resume: true, ..exporting(&file) };
        let refused = export(&store, other).await;
        assert!(matches!(refused, Err(TransferError::OtherStore { .. })), "{refused:?}");
        let done = export(&store, Exporting { resume: true, ..exporting(&file) }).await.unwrap();
        assert!(done.resumed > 0 && !done.changed_meanwhile, "{done:?}");
        let target = MemoryStore::new();
        import(&target, &file).await.unwrap();
        assert_holds(&target, &expected).await;
        assert_eq!(names(folder.path()), ["f"]);
        fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn an_export_that_was_cut_anywhere_continues_after_its_last_complete_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = full().await;
    let expected = everything(&store).await;
    let (file, part) = (folder.path().join("f"), folder.path().join("f.part"));
    export(&store, exporting(&file)).await.unwrap();
    let whole = fs::read(&file).unwrap();
    let mut ends: Vec<_> = (0..5).map(|_| fastrand::usize(..whole.len())).collect();
    ends.extend([0, 1, 100, whole.len() - 1, whole.len()]);
    for end in ends {
        fs::remove_file(&file).unwrap();
        // A crash of the machine may leave zero bytes at the end.
        let rest = vec![0; fastrand::usize(..5000)];
        fs::write(&part, [&whole[..end], &rest].concat()).unwrap();
        let resumed = export(&store, Exporting { resume: true, ..exporting(&file) }).await;
        assert!(resumed.is_ok(), "torn at {end}: {resumed:?}");
        let target = MemoryStore::new();
        import(&target, &file).await.unwrap();
        assert_holds(&target, &expected).await;
    }
}

#[tokio::test]
async fn an_interrupted_import_continues_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = full().await;
    let expected = everything(&store).await;
    let file = folder.path().join("f");
    export(&store, exporting(&file)).await.unwrap();
    for steps in [1, 2, 5, 8] {
        let target = MemoryStore::new();
        let stopped = import_until(&target, &file, steps).await;
        assert!(matches!(stopped, Err(TransferError::Stopped)) || stopped.is_ok(), "{stopped:?}");
        let done = import(&target, &file).await.unwrap();
        assert!(done.resumed > 0, "{done:?}");
        assert_eq!(done.rows, verify(&file).unwrap().rows());
        assert_holds(&target, &expected).await;
        // A repetition has nothing left to do.
        let again = import(&target, &file).await.unwrap();
        assert_eq!(again.resumed, done.rows.total());
        assert_holds(&target, &expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_outcome_is_unknown_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = small().await;
    let expected = everything(&store).await;
    let file = folder.path().join("f");
    export(&store, exporting(&file)).await.unwrap();
    for fault in [Fault::LostAfter, Fault::LostBefore, Fault::Refused] {
        for commit in 0..7 {
            let target = Arc::new(MemoryStore::new());
            let faulty = FaultyStore::over(target.clone());
            faulty.script((0..commit).map(|_| None));
            faulty.script([Some(fault.clone()), Some(fault.clone())]);
            import(&faulty, &file).await.unwrap();
            assert_holds(target.as_ref(), &expected).await;
        }
    }
    // If the store stays unavailable, the import ends, and another run continues it.
    let target = Arc::new(MemoryStore::new());
    let faulty = FaultyStore::over(target.clone());
    faulty.script([None, None, None, Some(Fault::LostAndDown)]);
    let failed = import(&faulty, &file).await;
    assert!(matches!(failed, Err(TransferError::Store(_))), "{failed:?}");
    assert!(import(target.as_ref(), &file).await.unwrap().resumed > 0);
    assert_holds(target.as_ref(), &expected).await;
}

#[tokio::test]
async fn a_file_with_one_byte_changed_or_missing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut changes = Changes::default();
    changes.insert(session(1));
    changes.insert(task(2, &session(1)));
    let store = MemoryStore::new();
    store.commit(changes).await.unwrap();
    let (file, other) = (folder.path().join("f"), folder.path().join("other"));
    export(&store, exporting(&file)).await.unwrap();
    let whole = fs::read(&file).unwrap();
    let target = MemoryStore::new();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            fs::write(&other, &changed).unwrap();
            assert!(verify(&other).is_err(), "byte {at} of {}, bit {bit}", whole.len());
        }
        fs::write(&other, &whole[..at]).unwrap();
        assert!(verify(&other).is_err(), "cut off at {at}");
    }
    fs::write(&other, [&whole[..], b"\0"].concat()).unwrap();
    assert!(matches!(import(&target, &other).await, Err(TransferError::Damaged { .. })));
    fs::write(&other, &whole[..whole.len() - 1]).unwrap();
    let cut = import(&target, &other).await.unwrap_err();
    assert!(matches!(cut, TransferError::CutOff { .. }) && cut.to_string().contains("cut off"), "{cut}");
    assert!(everything(&target).await == everything(&MemoryStore::new()).await);
    import(&target, &file).await.unwrap();
}

#[tokio::test]
async fn another_kind_of_file_and_a_newer_format_have_different_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    for content in [&b""[..], b"these are notes", b"{\"header\":{\"format\":1}}", &[0x1f; 5000]] {
        fs::write(&file, content).unwrap();
        let refused = verify(&file).unwrap_err();
        assert!(matches!(refused, TransferError::NoExport(_)), "{refused}");
    }
    let header = b"{\"header\":{\"format\":2,\"made_by\":\"9.1.0\",\"more\":[]}}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, header).unwrap();
    fs::write(&file, gzip.finish().unwrap()).unwrap();
    let said = verify(&file).unwrap_err().to_string();
    for words in ["format 2", "Rekindle 9.1.0", "newer", "nothing was imported"] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
}

#[tokio::test]
async fn only_an_empty_store_or_one_of_the_same_import_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("f"), folder.path().join("other"));
    let store = small().await;
    export(&store, exporting(&file)).await.unwrap();
    export(&store, exporting(&other)).await.unwrap();
    let mut one_key = Changes::default();
    one_key.insert(sample::key(1));
    let mut one_machine = Changes::default();
    one_machine.insert(sample::machine("m"));
    let one_event = Changes { events: every_shape().events, ..Changes::default() };
    for (what, changes) in
        [("sessions", many(1, 1)), ("keys", one_key), ("machines", one_machine), ("events", one_event)]
    {
        let target = MemoryStore::new();
        target.commit(changes).await.unwrap();
        let before = everything(&target).await;
        let refused = import(&target, &file).await.unwrap_err();
        assert!(refused.to_string().contains(what) && refused.to_string().contains("not empty"), "{refused}");
        assert!(everything(&target).await == before);
    }
    let target = MemoryStore::new();
    import_until(&target, &file, 1).await.unwrap_err();
    let refused = import(&target, &other).await;
    assert!(matches!(refused, Err(TransferError::OtherImport(_))), "{refused:?}");
    import(&target, &file).await.unwrap();
    assert_holds(&target, &everything(&store).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_with_a_running_detector_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    export(&small().await, exporting(&file)).await.unwrap();
    let target = MemoryStore::new();
    let claim = Claim { lease: LeaseName::Detection, holder: uuid(1), ttl: Duration::from_hours(1) };
    let fence = target.claim(claim).await.unwrap().unwrap();
    let refused = import(&target, &file).await;
    assert!(matches!(refused, Err(TransferError::InUse)), "{refused:?}");
    target.release(fence).await.unwrap();
    import(&target, &file).await.unwrap();
    // The import releases the lease.
    assert!(target.claim(claim).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_that_others_change_meanwhile_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    export(&full().await, exporting(&file)).await.unwrap();
    let target = MemoryStore::new();
    import_until(&target, &file, 2).await.unwrap_err();
    let mut changes = Changes::default();
    changes.insert(task(1_000_000 + 20_001, &session(1)));
    target.commit(changes).await.unwrap();
    let result = import(&target, &file).await;
    assert!(matches!(result, Err(TransferError::Disturbed(_))), "{result:?}");
}

#[tokio::test]
async fn rows_of_a_session_that_is_not_in_the_file_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let store = small().await;
    let expected = everything(&store).await;
    let mut stray = many(800, 1);
    stray.writes.retain(|write| !matches!(write, Write::Put(put) if put.value.kind() == Session::KIND));
    store.commit(stray).await.unwrap();
    export(&store, exporting(&file)).await.unwrap();
    let target = MemoryStore::new();
    let imported = import(&target, &file).await.unwrap();
    assert_eq!((imported.left_out.tasks, imported.left_out.events, imported.left_out.total()), (2, 1, 3));
    assert_holds(&target, &expected).await;
    assert_eq!(import(&target, &file).await.unwrap().left_out, imported.left_out, "also when it was done before");
}

#[tokio::test]
async fn silence_before_the_import_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    export(&small().await, exporting(&file)).await.unwrap();
    let target = Arc::new(MemoryStore::new());
    let day = Duration::from_hours(24);
    let clock = Arc::new(ManualClock::at(noon_plus(0).plus(day)));
    let verified = verify(&file).unwrap();
    rekindle_transfer::import(target.as_ref(), verified, clock.as_ref(), &Stop::default(), &mut |_| {}).await.unwrap();
    let tracker = Tracker::new(target.clone(), clock.clone(), Arc::new(RandomIds), Policy::default());
    let threshold = Policy::default().stall_threshold;
    let mut marked = Vec::new();
    clock.advance(Duration::from_millis(1));
    // A detection pass every second, as a server makes them.
    for _ in 0..threshold.as_secs() {
        let pass = tracker.detect().await.unwrap();
        assert!(pass.stalled.is_empty() && pass.offline.is_empty(), "{pass:?}");
        clock.advance(Duration::from_secs(1));
    }
    marked.extend(tracker.detect().await.unwrap().stalled.into_iter().map(|stalled| stalled.session_id));
    assert!(marked.contains(&SessionId(uuid(1))), "{marked:?}");
}

#[tokio::test]
async fn an_export_of_a_store_in_use_is_imported_without_a_broken_rule() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let (store, is_done) = (full().await, Cell::new(false));
    let work = async {
        for n in 0..3000 {
            if is_done.get() {
                break;
            }
            let (old, mut new) = (SessionId(uuid(10_000 + n % 600)), session(50_000 + n));
            new.created_at = noon_plus(60_000 + i64::try_from(n).unwrap());
            (new.updated_at, new.started_at, new.last_heartbeat) = (new.created_at, new.created_at, new.created_at);
            let mut changes = Changes::default();
            if let Some(row) = store.read(queries::session(old)).await.unwrap() {
                changes.writes.push(Write::delete::<Session>(old, row.version));
                changes.events.push(Event::new(noon_plus(9), EventKind::SessionDeleted, Subject::Session(old)));
            }
            changes.events.push(Event::new(noon_plus(9), EventKind::SessionCreated, Subject::Session(new.id)));
            changes.insert(task(60_000 + n, &new));
            changes.insert(new);
            store.commit(changes).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let exporting = async {
        let exported = export(&store, exporting(&file)).await.unwrap();
        is_done.set(true);
        exported
    };
    let ((), exported) = tokio::join!(work, exporting);
    assert!(exported.changed_meanwhile);
    let verified = verify(&file).unwrap();
    assert!(verified.changed_meanwhile());
    let target = MemoryStore::new();
    let imported = import(&target, &file).await.unwrap();
    assert!(imported.rows.sessions > 0 && imported.left_out.total() > 0, "{imported:?}");
    rekindle_testkit::invariants::assert_hold(&target).await;
}

#[tokio::test]
async fn an_existing_file_is_replaced_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, "mine").unwrap();
    let store = small().await;
    let refused = export(&store, exporting(&file)).await;
    assert!(matches!(refused, Err(TransferError::Exists(_))), "{refused:?}");
    assert_eq!((fs::read(&file).unwrap(), names(folder.path())), (b"mine".to_vec(), vec!["f".to_owned()]));
    export(&store, Exporting { existing: Existing::IsReplaced, ..exporting(&file) }).await.unwrap();
    verify(&file).unwrap();
    assert_eq!(names(folder.path()), ["f"]);
    let (other, theirs) = (folder.path().join("g"), folder.path().join("g.part"));
    fs::write(&theirs, "theirs").unwrap();
    for resume in [true, false] {
        let refused = export(&store, Exporting { resume, ..exporting(&other) }).await;
        assert!(matches!(refused, Err(TransferError::NotOurs(_))), "{refused:?}");
        assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
    }
    fs::write(&theirs, [0x1f, 0x8b, 0, 0]).unwrap();
    export(&store, exporting(&other)).await.unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "it is nobody else's to read");
    }
}
