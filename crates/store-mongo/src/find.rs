//! Selections and counts as commands of the server. The translation is pure: it can be inspected without a server.

use bson::{Bson, Document, RawDocument, doc};
use futures_util::future::{try_join, try_join_all};
use mongodb::options::Hint;
use rekindle_core::store::{
    Condition, Count as Counted, Cursor, Found, Order, Query, Row, Selection, Start, StoreError, Test, Value,
};
use rekindle_records::{Declaration, Field, RecordType};
use uuid::Uuid;

use crate::count_cache::CountCache;
use crate::database::Database;
use crate::documents::fields::decode;
use crate::documents::record::{comparable, entity, key_filter, mark_name, projected, time_of};
use crate::documents::{date, mark_id};
use crate::error::ReadResult;
use crate::indexes::IDS;
use crate::indexes::index_that_serves;
use crate::kinds::Kinds;
use crate::query::{Count, Query as Find};

/// A selection and the kind that it names.
pub(crate) struct Plan<'s> {
    kind: &'static dyn RecordType,
    selection: &'s Selection,
    kinds: &'s Kinds,
}

/// What finds the number of a count.
pub(crate) enum CountPlan {
    /// The `count` command.
    Count(Count),
    /// An aggregation over the other collection, which yields one document with `n`, or none.
    Joined {
        /// The collection that is walked.
        collection: &'static str,
        /// The index on it.
        hint: String,
        /// The stages.
        pipeline: Vec<Document>,
    },
}

impl<'s> Plan<'s> {
    /// Looks up the kind of a selection.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] when the store has none of its name.
    pub(crate) fn of(kinds: &'s Kinds, selection: &'s Selection) -> Result<Self, StoreError> {
        Ok(Self { kind: kinds.get(selection.kind)?, selection, kinds })
    }

    fn declaration(&self) -> &'static Declaration {
        self.kind.declaration()
    }

    fn field(&self, name: &str) -> Result<&'static Field, StoreError> {
        let missing = || StoreError::Corrupt(format!("{} have no field {name}", self.declaration().name));
        self.declaration().field(name).ok_or_else(missing)
    }

    fn hint(&self) -> Result<String, StoreError> {
        Ok(index_that_serves(self.declaration(), self.selection.index)?.name)
    }

    /// Returns whether the rows are sorted here: there are few, and the index does not have their order.
    fn is_sorted_here(&self) -> Result<bool, StoreError> {
        let unlimited = self.selection.limit.is_none();
        Ok(unlimited && (self.selection.order == Order::By(&[]) || self.hint()? == IDS))
    }

    /// Returns the finds, each with its own part of the result, in their order.
    pub(crate) fn finds(&self) -> Result<Vec<Find>, StoreError> {
        let Selection { start, limit, .. } = *self.selection;
        let filter = self.filter()?;
        let mark = mark_name(self.declaration());
        let sort = self.sort_order()?;
        let part = |range: Document, skip: u64| {
            let mut filter = filter.clone();
            filter.extend(range);
            let find = Find::of(self.declaration().name, filter, self.hint()?).sorted(sort.clone());
            let find = find.projected(self.projection()?);
            Ok(Find { skip, limit, ..find })
        };
        match start {
            Start::Offset(offset) => Ok(vec![part(Document::new(), offset.min(i64::MAX.unsigned_abs()))?]),
            Start::After(cursor) => {
                let created_at = self.created_at()?.document_name;
                ranges_after(cursor, created_at, mark).into_iter().map(|range| part(range, 0)).collect()
            }
        }
    }

    fn sort_order(&self) -> Result<Document, StoreError> {
        let declaration = self.declaration();
        let is_one = self.selection.key.is_some() || declaration.unique_set(self.selection.index).is_some();
        if is_one || !declaration.versioned || self.is_sorted_here()? {
            return Ok(Document::new());
        }
        let mark = mark_name(declaration);
        let Order::By(fields) = self.selection.order else {
            return Ok(doc! { self.created_at()?.document_name: -1, mark: -1 });
        };
        let mut sort = Document::new();
        for name in fields {
            sort.insert(self.field(name)?.document_name, 1);
        }
        // An index without the mark leaves records of equal fields in its own order, which is that of their making.
        if !index_that_serves(declaration, self.selection.index)?.ends_with(fields.len()) {
            sort.insert(mark, 1);
        }
        Ok(sort)
    }

    /// Returns the field by which a list is ordered.
    fn created_at(&self) -> Result<&'static Field, StoreError> {
        let index = self.declaration().index(self.selection.index);
        let missing = || StoreError::Corrupt(format!("index {} is none by creation", self.selection.index));
        index.and_then(|index| index.by_creation).ok_or_else(missing)
    }

    /// Returns what counts the records.
    pub(crate) fn count(&self) -> Result<CountPlan, StoreError> {
        if let [Condition { field, test: Test::IsKeyOf(of) }] = self.selection.conditions.as_slice() {
            let of = Plan::of(self.kinds, of)?;
            let key = |declaration: &Declaration| declaration.key.map_or("_id", |key| key.document_name);
            let joined = doc! {
                "from": self.declaration().name,
                "localField": key(of.declaration()),
                "foreignField": self.field(field)?.document_name,
                "pipeline": [{ "$count": "n" }],
                "as": "joined",
            };
            let pipeline = vec![
                doc! { "$match": of.filter()? },
                doc! { "$project": { "_id": 0, key(of.declaration()): 1 } },
                doc! { "$lookup": joined },
                doc! { "$group": { "_id": null, "n": { "$sum": { "$sum": "$joined.n" } } } },
            ];
            return Ok(CountPlan::Joined { collection: of.declaration().name, hint: of.hint()?, pipeline });
        }
        let (collection, filter, hint) = (self.declaration().name, self.filter()?, self.hint()?);
        Ok(CountPlan::Count(Count { collection, filter, hint }))
    }

    fn projection(&self) -> Result<Document, StoreError> {
        let mut projection = Document::new();
        for name in self.selection.projection {
            let stored = match *name {
                "revision" | "touches" => *name,
                name => self.field(name)?.document_name,
            };
            projection.insert(stored, 1);
        }
        if !projection.is_empty() && !projection.contains_key("_id") {
            projection.insert("_id", 0);
        }
        Ok(projection)
    }

    fn filter(&self) -> Result<Document, StoreError> {
        if let Some(key) = &self.selection.key {
            return Ok(key_filter(self.declaration(), key));
        }
        let mut filter = Document::new();
        for Condition { field, test } in &self.selection.conditions {
            let field = self.field(field)?;
            let value = |value: &Value| comparable(field, value);
            let test = match test {
                Test::Is(wanted) => value(wanted),
                Test::IsOneOf(wanted) => doc! { "$in": wanted.iter().map(value).collect::<Vec<_>>() }.into(),
                Test::Below(bound) => doc! { "$lt": value(bound) }.into(),
                Test::AtMost(bound) => doc! { "$lte": value(bound) }.into(),
                Test::Above(bound) => doc! { "$gt": value(bound) }.into(),
                Test::Present => doc! { "$exists": true }.into(),
                Test::Absent => Bson::Null,
                Test::IsKeyOf(_) => {
                    let why = format!("{}: records of another kind can only be counted", self.declaration().name);
                    return Err(StoreError::Corrupt(why));
                }
            };
            filter.insert(field.document_name, test);
        }
        Ok(filter)
    }

    fn read(&self, document: &RawDocument) -> Result<Row, StoreError> {
        match self.selection.projection {
            [] => entity(self.kind, document),
            projection => projected(self.declaration(), projection, document),
        }
    }

    async fn rows(&self, database: &Database) -> ReadResult<Vec<Row>> {
        // All at once: mostly no other record has the cursor's millisecond, and the second range holds the page.
        let parts = self.finds()?.into_iter().map(|find| find.all(database, |document| self.read(document)));
        let mut rows: Vec<_> = try_join_all(parts).await?.into_iter().flatten().collect();
        if self.is_sorted_here()? {
            self.sort(&mut rows)?;
        }
        rows.truncate(self.selection.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
        Ok(rows)
    }

    fn sort(&self, rows: &mut [Row]) -> Result<(), StoreError> {
        if self.selection.order != Order::NewestFirst {
            rows.sort_by_key(|row| row.mark);
            return Ok(());
        }
        let created_at = self.created_at()?;
        let time = |row: &Row| time_of(self.kind, row, created_at);
        rows.sort_by_key(|row| std::cmp::Reverse((time(row), row.mark)));
        Ok(())
    }
}

/// Returns the ranges of a list after a cursor, in their order. One query with `$or` would leave the server a choice, and
/// at times it scans the index from the beginning.
fn ranges_after(cursor: Cursor, created_at: &str, mark_name: &str) -> Vec<Document> {
    let at = date(cursor.created_at);
    let mark = mark_id(Uuid::from_u128(cursor.mark));
    let is_foreign = matches!(mark, Bson::ObjectId(_));
    let mut ranges = vec![doc! { created_at: at, mark_name: { "$lt": mark } }];
    // A comparison matches only values of its own type, and in this order ObjectIds come before UUIDs.
    if is_foreign {
        ranges.push(doc! { created_at: at, mark_name: { "$type": "binData" } });
    }
    ranges.push(doc! { created_at: { "$lt": at } });
    ranges
}

/// Answers a query: its selections one after the other, and its counts beside them.
pub(crate) async fn find(database: &Database, kinds: &Kinds, cache: &CountCache, query: &Query) -> ReadResult<Found> {
    let rows = async {
        let mut all = Vec::with_capacity(query.selections().len());
        for selection in query.selections() {
            all.push(Plan::of(kinds, selection)?.rows(database).await?);
        }
        ReadResult::Ok(all)
    };
    let counts = query.counts().iter().map(|counted| count(database, kinds, cache, counted));
    let (rows, counts) = try_join(rows, try_join_all(counts)).await?;
    Ok(Found { rows, counts })
}

async fn count(database: &Database, kinds: &Kinds, cache: &CountCache, counted: &Counted) -> ReadResult<u64> {
    match Plan::of(kinds, &counted.of)?.count()? {
        CountPlan::Count(count) if counted.exact => count.fetch(database).await,
        CountPlan::Count(count) => cache.total(count, database).await,
        CountPlan::Joined { collection, hint, pipeline } => {
            let collection = database.collection(collection);
            let aggregation = collection.aggregate(pipeline).hint(Hint::Name(hint)).max_time(database.call_timeout);
            let mut cursor = aggregation.await?;
            if !cursor.advance().await? {
                return Ok(0);
            }
            let n = decode("sessions", "_id", cursor.current(), |fields| fields.number_or_none("n"))?;
            Ok(n.unwrap_or(0))
        }
    }
}
