//! API keys: kept as they are, listed newest first.

use std::sync::Arc;

use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::store::{Changes, CommitError, Expect, FindTyped, Write, queries};
use rekindle_core::{ApiKey, Role, Store, Version, Versioned};

use super::case::{assert_stale, cases, insert};
use crate::sample::{self, noon_plus};

cases![keys_come_back_as_they_were, keys_are_listed_newest_first, a_key_changes_at_its_version, a_key_is_made_once];

fn full(n: u64, role: Role) -> ApiKey {
    ApiKey {
        secret: SecretHash(std::array::from_fn(|place| u8::try_from(place * 8 % 256).unwrap())),
        role,
        project_id: Some(sample::text("it's a \"project\"")),
        expires_at: Some(noon_plus(5)),
        revoked_at: Some(noon_plus(3)),
        replaced_by: Some(sample::key(99).id),
        ..sample::key(n)
    }
}

async fn keys_come_back_as_they_were(store: Arc<dyn Store>) {
    let mut made = vec![sample::key(1)];
    made.extend((2..).zip(Role::ALL).map(|(n, role)| full(n, role)));
    for key in &made {
        insert(&store, key.clone()).await;
    }
    made.reverse();
    let found = store.read(queries::keys()).await.unwrap();
    assert!(found.iter().all(|row| row.version == Version::FIRST));
    assert_eq!(found.into_iter().map(|row| row.value).collect::<Vec<_>>(), made);
}

async fn keys_are_listed_newest_first(store: Arc<dyn Store>) {
    for (n, at) in [(1, 30), (2, 10), (3, 20), (4, 20)] {
        insert(&store, ApiKey { created_at: noon_plus(at), ..sample::key(n) }).await;
    }
    let names: Vec<_> =
        store.read(queries::keys()).await.unwrap().into_iter().map(|row| row.value.name.to_string()).collect();
    assert_eq!(names, ["key 1", "key 4", "key 3", "key 2"]);
}

async fn a_key_changes_at_its_version(store: Arc<dyn Store>) {
    insert(&store, sample::key(1)).await;
    let revoked = ApiKey { revoked_at: Some(noon_plus(1)), ..sample::key(1) };
    let put = |value: &ApiKey, at| Write::put(value.clone(), Expect::At(at));
    let mut changes = Changes::default();
    changes.update(revoked.clone(), Version::FIRST);
    store.commit(changes).await.unwrap();
    let second = Version::FIRST.after_put();
    assert_eq!(store.read(queries::keys()).await.unwrap(), [Versioned { value: revoked, version: second }]);
    let late = super::case::commit(&store, vec![put(&sample::key(1), Version::FIRST)]).await;
    assert_stale(&late);
    super::case::commit(&store, vec![put(&sample::key(1), second)]).await.unwrap();
    assert_eq!(store.read(queries::keys()).await.unwrap()[0].value, sample::key(1));
}

async fn a_key_is_made_once(store: Arc<dyn Store>) {
    insert(&store, sample::key(1)).await;
    let mut again = Changes::default();
    again.insert(ApiKey { role: Role::Admin, ..sample::key(1) });
    let outcome = store.commit(again).await;
    assert!(matches!(outcome, Err(CommitError::Stale)), "{outcome:?}");
    assert_eq!(store.read(queries::keys()).await.unwrap()[0].value.role, Role::Worker);
}
