//! Entities of another crate: a store keeps them by their declaration alone, with versions, unique rules and lists.

use std::sync::Arc;

use rekindle_core::store::{Changes, CommitError, Expect, FindTyped, Key, PageRequest, Start, Write};
use rekindle_core::{Store, StoreError, Version, Versioned};

use super::case::cases;
use crate::note::{Note, ONE_OPEN_TITLE, note, notes_on};
use crate::sample::{NOON, noon_plus, text, uuid};

cases! {
    an_extension_is_stored_and_found,
    an_extension_is_changed_only_at_its_version,
    an_extension_keeps_its_unique_rules,
    an_extension_is_listed_and_counted,
    an_extension_is_touched_deleted_and_restored,
    an_unknown_kind_is_an_error,
}

fn sample(n: u64) -> Note {
    let title = text(&format!("title {n}"));
    Note {
        id: uuid(n),
        project_id: text("p"),
        title,
        reads: 0,
        created_at: noon_plus(n.cast_signed()),
        closed_at: None,
    }
}

async fn insert(store: &dyn Store, note: Note) -> Result<(), CommitError> {
    let mut changes = Changes::default();
    changes.insert(note);
    store.commit(changes).await.map(drop)
}

async fn write(store: &dyn Store, write: Write) -> Result<(), CommitError> {
    store.commit(Changes { writes: vec![write], ..Changes::default() }).await.map(drop)
}

async fn an_extension_is_stored_and_found(store: Arc<dyn Store>) {
    let closed = Note { closed_at: Some(noon_plus(5)), reads: 7, ..sample(2) };
    insert(&*store, sample(1)).await.unwrap();
    insert(&*store, closed.clone()).await.unwrap();
    assert_eq!(store.read(note(uuid(3))).await.unwrap(), None);
    let found = store.read(note(uuid(1))).await.unwrap();
    assert_eq!(found, Some(Versioned { value: sample(1), version: Version::FIRST }));
    assert_eq!(store.read(note(uuid(2))).await.unwrap().unwrap().value, closed);
    assert!(matches!(insert(&*store, sample(1)).await, Err(CommitError::Stale)), "it is there already");
}

async fn an_extension_is_changed_only_at_its_version(store: Arc<dyn Store>) {
    insert(&*store, sample(1)).await.unwrap();
    let changed = Note { closed_at: Some(NOON), ..sample(1) };
    write(&*store, Write::put(changed.clone(), Expect::At(Version::FIRST))).await.unwrap();
    let found = store.read(note(uuid(1))).await.unwrap().unwrap();
    assert_eq!(found, Versioned { value: changed, version: Version::FIRST.after_put() });
    let stale = write(&*store, Write::put(sample(1), Expect::At(Version::FIRST))).await;
    assert!(matches!(stale, Err(CommitError::Stale)), "{stale:?}");
    write(&*store, Write::put(sample(1), Expect::At(found.version))).await.unwrap();
    assert_eq!(store.read(note(uuid(1))).await.unwrap().unwrap().value, sample(1), "an absent field is absent again");
}

async fn an_extension_keeps_its_unique_rules(store: Arc<dyn Store>) {
    insert(&*store, sample(1)).await.unwrap();
    let same_title = Note { title: sample(1).title, ..sample(2) };
    let refused = insert(&*store, same_title.clone()).await;
    assert!(matches!(refused, Err(CommitError::UniqueViolation(rule)) if rule == ONE_OPEN_TITLE), "{refused:?}");
    assert_eq!(store.read(note(uuid(2))).await.unwrap(), None);
    insert(&*store, Note { closed_at: Some(NOON), ..same_title.clone() }).await.unwrap();
    let reopened = write(&*store, Write::put(same_title, Expect::At(Version::FIRST))).await;
    assert!(matches!(reopened, Err(CommitError::UniqueViolation(rule)) if rule == ONE_OPEN_TITLE), "{reopened:?}");
}

async fn an_extension_is_listed_and_counted(store: Arc<dyn Store>) {
    for n in 1..=5 {
        insert(&*store, sample(n)).await.unwrap();
    }
    insert(&*store, Note { project_id: text("another"), ..sample(6) }).await.unwrap();
    let first = PageRequest { limit: 2, start: Start::Offset(0) };
    let page = store.read(notes_on(&text("p"), first)).await.unwrap();
    let ids = |items: &[Versioned<Note>]| items.iter().map(|row| row.value.id).collect::<Vec<_>>();
    assert_eq!((ids(&page.items), page.total), (vec![uuid(5), uuid(4)], 5));
    let next = PageRequest { limit: 10, start: Start::After(page.next.unwrap()) };
    let page = store.read(notes_on(&text("p"), next)).await.unwrap();
    assert_eq!((ids(&page.items), page.total, page.next), (vec![uuid(3), uuid(2), uuid(1)], 5, None));
}

async fn an_extension_is_touched_deleted_and_restored(store: Arc<dyn Store>) {
    let version = Version { revision: 4, touches: 2 };
    write(&*store, Write::restore(Versioned { value: sample(1), version })).await.unwrap();
    assert_eq!(store.read(note(uuid(1))).await.unwrap().unwrap().version, version);
    let id = || Key::Uuid(uuid(1));
    assert!(matches!(write(&*store, Write::touch::<Note>(id(), 3)).await, Err(CommitError::Stale)));
    write(&*store, Write::touch::<Note>(id(), 4)).await.unwrap();
    assert!(matches!(write(&*store, Write::delete::<Note>(id(), version)).await, Err(CommitError::Stale)));
    write(&*store, Write::delete::<Note>(id(), Version { touches: 3, ..version })).await.unwrap();
    assert_eq!(store.read(note(uuid(1))).await.unwrap(), None);
}

async fn an_unknown_kind_is_an_error(store: Arc<dyn Store>) {
    #[derive(Debug, Clone, PartialEq)]
    struct Unknown;

    impl rekindle_core::store::Entity for Unknown {
        const KIND: &'static str = "unknown";
        type Id = Key;

        fn id(&self) -> Key {
            Key::Uuid(uuid(1))
        }
    }

    let found = store.read(rekindle_core::store::queries::by_id::<Unknown>("unknown", Key::Uuid(uuid(1)))).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    let written = write(&*store, Write::put(Unknown, Expect::Absent)).await;
    assert!(matches!(written, Err(CommitError::Failed(StoreError::Corrupt(_)))), "{written:?}");
}
