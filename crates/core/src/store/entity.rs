//! Entities without their type: what a commit writes and a query finds, whatever kind of entity it is. A store handles
//! all kinds alike, by the declarations of its records, so that a further kind needs no line in any store.

use std::any::Any;
use std::fmt::Debug;

use uuid::Uuid;

use super::error::StoreError;
use crate::domain::api_key::ApiKey;
use crate::domain::machine::Machine;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::values::{KeyId, MachineId, SessionId, TaskId};

/// A value that a store keeps as one record under a key.
pub trait Entity: Any + Clone + PartialEq + Debug + Send + Sync {
    /// The name of the kind, which is also that of its table or collection.
    const KIND: &'static str;

    /// The type of its ids.
    type Id: Into<Key>;

    /// Returns the id.
    fn id(&self) -> Self::Id;
}

/// The value that names a record among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A UUID.
    Uuid(Uuid),
    /// A text.
    Text(Box<str>),
    /// Bytes, such as a hash.
    Bytes(Box<[u8]>),
}

/// A record: its kind and its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The kind of the entity.
    pub kind: &'static str,
    /// The key among those of its kind.
    pub key: Key,
}

impl RecordKey {
    /// Returns the key of the record of an entity with this id.
    pub fn of<T: Entity>(id: T::Id) -> Self {
        Self { kind: T::KIND, key: id.into() }
    }
}

/// An entity of any kind.
#[derive(Debug)]
pub struct AnyEntity(Box<dyn ErasedEntity>);

trait ErasedEntity: Any + Debug + Send + Sync {
    fn record_key(&self) -> RecordKey;
    fn clone_boxed(&self) -> Box<dyn ErasedEntity>;
    fn equals(&self, other: &dyn ErasedEntity) -> bool;
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn kind(&self) -> &'static str;
}

impl<T: Entity> ErasedEntity for T {
    fn record_key(&self) -> RecordKey {
        RecordKey::of::<T>(self.id())
    }

    fn clone_boxed(&self) -> Box<dyn ErasedEntity> {
        Box::new(self.clone())
    }

    fn equals(&self, other: &dyn ErasedEntity) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn kind(&self) -> &'static str {
        T::KIND
    }
}

impl AnyEntity {
    /// Wraps an entity.
    pub fn new(entity: impl Entity) -> Self {
        Self(Box::new(entity))
    }

    /// Returns the name of its kind.
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// Returns the key of its record.
    pub fn record_key(&self) -> RecordKey {
        self.0.record_key()
    }

    /// Returns the entity, if it is of this kind.
    pub fn downcast_ref<T: Entity>(&self) -> Option<&T> {
        self.0.as_any().downcast_ref()
    }

    /// Returns the entity itself.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] if it is of another kind.
    pub fn downcast<T: Entity>(self) -> Result<T, StoreError> {
        let kind = self.kind();
        let entity = self.0.into_any().downcast().map(|entity| *entity);
        entity.map_err(|_| StoreError::Corrupt(format!("found an entity of {kind} in place of one of {}", T::KIND)))
    }
}

impl Clone for AnyEntity {
    fn clone(&self) -> Self {
        Self(self.0.clone_boxed())
    }
}

impl PartialEq for AnyEntity {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&*other.0)
    }
}

impl<T: Entity> From<T> for AnyEntity {
    fn from(entity: T) -> Self {
        Self::new(entity)
    }
}

impl From<SessionId> for Key {
    fn from(id: SessionId) -> Self {
        Self::Uuid(id.0)
    }
}

impl From<TaskId> for Key {
    fn from(id: TaskId) -> Self {
        Self::Uuid(id.0)
    }
}

impl From<MachineId> for Key {
    fn from(id: MachineId) -> Self {
        Self::Text(id.as_str().into())
    }
}

impl From<KeyId> for Key {
    fn from(id: KeyId) -> Self {
        Self::Uuid(id.0)
    }
}

impl Entity for Session {
    const KIND: &'static str = "sessions";
    type Id = SessionId;

    fn id(&self) -> SessionId {
        self.id
    }
}

impl Entity for Task {
    const KIND: &'static str = "tasks";
    type Id = TaskId;

    fn id(&self) -> TaskId {
        self.id
    }
}

impl Entity for Machine {
    const KIND: &'static str = "machines";
    type Id = MachineId;

    fn id(&self) -> MachineId {
        self.id.clone()
    }
}

impl Entity for ApiKey {
    const KIND: &'static str = "api_keys";
    type Id = KeyId;

    fn id(&self) -> KeyId {
        self.id
    }
}
