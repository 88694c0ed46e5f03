//! Queries as data. A [`Selection`] names one kind of record, conditions on its declared fields, an order, and the
//! index that serves both; a [`Query`] is a named set of selections and counts of the same moment. A store translates
//! them by the declarations of its records, and knows none of them by name. [`super::queries`] has all of them.

use std::sync::Arc;

use super::changes::{Version, Versioned};
use super::entity::{AnyEntity, Entity, Key};
use super::error::StoreError;
use super::lists::Start;
use super::value::Value;

/// What must hold for a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It has this value.
    Is(Value),
    /// It has one of these values.
    IsOneOf(Vec<Value>),
    /// It is less than this value.
    Below(Value),
    /// It is this value or less.
    AtMost(Value),
    /// It is more than this value.
    Above(Value),
    /// It has a value.
    Present,
    /// It has no value.
    Absent,
    /// It is the key of a record that the selection finds.
    IsKeyOf(Box<Selection>),
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The name of the field, as it is declared.
    pub field: &'static str,
    /// What must hold for it.
    pub test: Test,
}

/// The order of the found records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By these fields, and then in the order in which the records were made.
    By(&'static [&'static str]),
    /// By the time of creation that the index declares, the latest first; of the same time the last made first.
    NewestFirst,
}

/// Which records of one kind are found, in which order, and by which index.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The kind of record.
    pub kind: &'static str,
    /// The key of the one record that is found; `None` for a search by an index.
    pub key: Option<Key>,
    /// The name of the declared index, or of the declared unique set; empty for the key's own.
    pub index: &'static str,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// The order.
    pub order: Order,
    /// The place at which the result begins. A cursor needs [`Order::NewestFirst`].
    pub start: Start,
    /// The most records; `None` for all.
    pub limit: Option<u32>,
    /// The fields that are returned; empty for the whole entity. `revision` and `touches` name the record's version.
    pub projection: &'static [&'static str],
}

impl Selection {
    /// Selects the record of one key.
    pub fn of_key<T: Entity>(id: T::Id) -> Self {
        Self { key: Some(id.into()), limit: Some(1), ..Self::new(T::KIND, "") }
    }

    /// Selects records by an index.
    pub fn by_index<T: Entity>(index: &'static str) -> Self {
        Self::new(T::KIND, index)
    }

    fn new(kind: &'static str, index: &'static str) -> Self {
        Self {
            kind,
            key: None,
            index,
            conditions: Vec::new(),
            order: Order::By(&[]),
            start: Start::Offset(0),
            limit: None,
            projection: &[],
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, field: &'static str, test: Test) -> Self {
        self.conditions.push(Condition { field, test });
        self
    }

    /// Adds the condition that a field has this value.
    #[must_use]
    pub fn is(self, field: &'static str, value: impl Into<Value>) -> Self {
        self.with(field, Test::Is(value.into()))
    }

    /// Adds the condition that a field has this value, if one is given.
    #[must_use]
    pub fn is_if_given(self, field: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.is(field, value),
            None => self,
        }
    }

    /// Adds the condition that a field has one of these values.
    #[must_use]
    pub fn is_one_of<V: Into<Value>>(self, field: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        self.with(field, Test::IsOneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Sets the order.
    #[must_use]
    pub fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Sets the place at which the result begins.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// Sets the most records.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Sets the fields that are returned.
    #[must_use]
    pub fn projected(self, projection: &'static [&'static str]) -> Self {
        Self { projection, ..self }
    }
}

/// A count of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Which records are counted. Order, start, limit and projection do not matter.
    pub of: Selection,
    /// Whether a number above ten thousand must be counted anew, where a store would otherwise remember it for some
    /// seconds.
    pub exact: bool,
}

/// A named set of selections and counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Query(Arc<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    name: &'static str,
    selections: Vec<Selection>,
    counts: Vec<Count>,
}

impl Query {
    /// Returns a query of this name, which metrics and traces show. A name has one shape: its selections differ only in
    /// values, and in the conditions that a filter leaves out.
    pub fn new(name: &'static str, selections: Vec<Selection>, counts: Vec<Count>) -> Self {
        Self(Arc::new(Parts { name, selections, counts }))
    }

    /// Returns the name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the selections. Where a store has no snapshots it runs them in this order.
    pub fn selections(&self) -> &[Selection] {
        &self.0.selections
    }

    /// Returns the counts.
    pub fn counts(&self) -> &[Count] {
        &self.0.counts
    }
}

/// A found record.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The entity, or the values of a projection.
    pub content: RowContent,
    /// The version of the record; the first one where a projection leaves it out or the kind has no versions.
    pub version: Version,
    /// The store's own number, which orders records of the same time.
    pub mark: u128,
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum RowContent {
    /// The whole entity.
    Entity(AnyEntity),
    /// The values of the projected fields, in their order.
    Fields(Vec<Option<Value>>),
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The rows of each selection.
    pub rows: Vec<Vec<Row>>,
    /// The number of each count.
    pub counts: Vec<u64>,
}

impl Row {
    /// Returns the entity with its version.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] for another kind of entity, and for a projection.
    pub fn into_entity<T: Entity>(self) -> Result<Versioned<T>, StoreError> {
        match self.content {
            RowContent::Entity(entity) => Ok(Versioned { value: entity.downcast()?, version: self.version }),
            RowContent::Fields(_) => Err(StoreError::Corrupt(format!("found fields in place of {}", T::KIND))),
        }
    }
}

/// A found entity, with the number by which a cursor names its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Marked<T> {
    pub(crate) entity: Versioned<T>,
    pub(crate) mark: u128,
}

impl Found {
    /// Takes the entities of the next selection, with their marks.
    pub(crate) fn marked<T: Entity>(&mut self) -> Result<Vec<Marked<T>>, StoreError> {
        let typed = |row: Row| Ok(Marked { mark: row.mark, entity: row.into_entity()? });
        self.rows().into_iter().map(typed).collect()
    }

    /// Takes the entities of the next selection.
    pub(crate) fn entities<T: Entity>(&mut self) -> Result<Vec<Versioned<T>>, StoreError> {
        self.rows().into_iter().map(Row::into_entity).collect()
    }

    /// Takes the projected values of the next selection.
    pub(crate) fn fields(&mut self) -> Result<Vec<Fields>, StoreError> {
        let fields = |row: Row| match row.content {
            RowContent::Fields(values) => Ok(Fields(values.into_iter())),
            RowContent::Entity(entity) => {
                Err(StoreError::Corrupt(format!("found {} without projection", entity.kind())))
            }
        };
        self.rows().into_iter().map(fields).collect()
    }

    /// Returns the number of a count.
    pub(crate) fn count(&self, place: usize) -> Result<u64, StoreError> {
        self.counts.get(place).copied().ok_or_else(|| StoreError::Corrupt("a count is missing".to_owned()))
    }

    /// Takes the rows of the next selection.
    pub(crate) fn rows(&mut self) -> Vec<Row> {
        if self.rows.is_empty() { Vec::new() } else { self.rows.remove(0) }
    }
}

/// The values of one projected row, taken one after the other.
pub(crate) struct Fields(std::vec::IntoIter<Option<Value>>);

impl Fields {
    /// Takes the next value, if the record has one.
    pub(crate) fn next_or_none<T: TryFrom<Value, Error = StoreError>>(&mut self) -> Result<Option<T>, StoreError> {
        self.0.next().flatten().map(T::try_from).transpose()
    }

    /// Takes the next value, which must be there.
    pub(crate) fn next<T: TryFrom<Value, Error = StoreError>>(&mut self) -> Result<T, StoreError> {
        self.next_or_none()?.ok_or_else(|| StoreError::Corrupt("a projected field is missing".to_owned()))
    }
}
