//! Selections and counts as statements. A statement walks one index from one end, and its conditions, order and limit
//! are those of the selection.
//!
//! A list that begins at a cursor is read in two steps, each a plain search of the index: the rest of the cursor's own
//! millisecond, then everything earlier. One comparison of pairs would read that millisecond from its start.

use rekindle_core::store::{Condition, Cursor, Order, Selection, Start, StoreError, Test, Value};
use rekindle_records::{Condition as Holds, CountedTable, Declaration, Field, FieldType};
use rusqlite::types::Value as Parameter;

use crate::codec::{Column, parameter};
use crate::sql::kinds::{Kind, Kinds};

/// A bound that excludes nothing: it makes the walk over an index a search.
const LATEST: i64 = i64::MAX;

/// A statement and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A selection with the kind and the index that it names.
pub(crate) struct Plan<'s> {
    pub(crate) kind: &'s Kind,
    selection: &'s Selection,
    index: Index,
    kinds: &'s Kinds,
}

/// The index that a statement walks.
struct Index {
    /// ` INDEXED BY` and its name; empty for the table itself.
    clause: String,
    by_creation: Option<&'static Field>,
    /// Which records it holds.
    only: &'static [Holds],
}

impl Index {
    fn of(declaration: &'static Declaration, name: &str) -> Result<Self, StoreError> {
        let table = declaration.name;
        let clause = |name: &str| format!(" INDEXED BY {table}_{name}");
        if name.is_empty() {
            let clause = declaration.key.map(|key| clause(key.name)).unwrap_or_default();
            return Ok(Self { clause, by_creation: None, only: &[] });
        }
        let declared = declaration.index(name);
        let own = declared.and_then(|index| index.served_in_sql_by).unwrap_or(name);
        if let Some(set) = declaration.unique_set(own) {
            return Ok(Self { clause: clause(own), by_creation: None, only: set.only });
        }
        let missing = || StoreError::Corrupt(format!("{table} have no index {own}"));
        let index = declaration.index(own).ok_or_else(missing)?;
        Ok(Self { clause: clause(own), by_creation: index.by_creation, only: index.only })
    }

    /// Returns whether the index holds only some values of a field: SQLite must then see the wanted ones in the
    /// statement to use it.
    fn names(&self, field: &Field) -> bool {
        self.only.iter().any(|holds| match holds {
            Holds::Is(named, _) | Holds::IsOneOf(named, _) => *named == field,
            Holds::Present(_) | Holds::Absent(_) | Holds::NotNegative(_) => false,
        })
    }
}

impl<'s> Plan<'s> {
    /// Looks up what a selection names.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] when it names something that is not declared.
    pub(crate) fn of(kinds: &'s Kinds, selection: &'s Selection) -> Result<Self, StoreError> {
        let kind = kinds.get(selection.kind)?;
        Ok(Self { kind, selection, index: Index::of(kind.declaration, selection.index)?, kinds })
    }

    fn field(&self, name: &str) -> Result<&'static Field, StoreError> {
        let declaration = self.kind.declaration;
        let missing = || StoreError::Corrupt(format!("{} have no field {name}", declaration.name));
        declaration.field(name).ok_or_else(missing)
    }

    /// Returns the columns of a projection; none for a whole entity.
    pub(crate) fn projection(&self) -> Result<Vec<Column>, StoreError> {
        let column = |name: &&'static str| match *name {
            "revision" | "touches" => Ok(Column::Count(name)),
            name => self.field(name).map(Column::Field),
        };
        self.selection.projection.iter().map(column).collect()
    }

    /// Returns the statements that find the records, in their order: the rows of the second follow those of the first.
    pub(crate) fn statements(&self, limit: i64) -> Result<Vec<Statement>, StoreError> {
        let sequence = self.kind.declaration.sequence;
        let (order, first) = match self.selection.order {
            Order::By(fields) => {
                let columns = fields.iter().chain([&sequence]).copied().collect::<Vec<_>>().join(", ");
                (columns, fields.first().map(|name| self.field(name)).transpose()?)
            }
            Order::NewestFirst => {
                let missing = || StoreError::Corrupt(format!("index {} is none by creation", self.selection.index));
                let created_at = self.index.by_creation.ok_or_else(missing)?;
                (format!("{} DESC, {sequence} DESC", created_at.name), Some(created_at))
            }
        };
        let found = |place: Option<String>, values: &[i64], offset: u64| {
            let mut statement = self.select(&self.columns())?;
            let range = match place {
                Some(place) => Some(place),
                None => self.bound(first),
            };
            statement.add(range.as_deref());
            statement.sql.push_str(&format!(" ORDER BY {order} LIMIT ? OFFSET ?"));
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            statement.parameters.extend(values.iter().chain(&[limit, offset]).copied().map(Parameter::Integer));
            Ok(statement)
        };
        match (self.selection.start, self.selection.order, first) {
            (Start::Offset(offset), _, _) => Ok(vec![found(None, &[], offset)?]),
            (Start::After(Cursor { created_at, mark }), Order::NewestFirst, Some(first)) => {
                let (at, mark) = (created_at.millis(), i64::try_from(mark).unwrap_or(i64::MAX));
                let same = format!("{} = ? AND {sequence} < ?", first.name);
                Ok(vec![found(Some(same), &[at, mark], 0)?, found(Some(format!("{} < ?", first.name)), &[at], 0)?])
            }
            (Start::After(_), _, _) => {
                Err(StoreError::Corrupt("a cursor needs a list that is newest first".to_owned()))
            }
        }
    }

    /// Returns the statement that counts the records.
    pub(crate) fn count(&self) -> Result<Statement, StoreError> {
        if let Some(counted) = &self.kind.declaration.counted
            && self.selection.conditions.iter().all(|condition| is_counted(counted, condition))
        {
            return Ok(kept(counted, &self.selection.conditions));
        }
        let mut statement = self.select("count(*)")?;
        if self.selection.conditions.is_empty() {
            statement.add(self.bound(self.index.by_creation).as_deref());
        }
        Ok(statement)
    }

    fn columns(&self) -> String {
        if self.selection.projection.is_empty() {
            return self.kind.statements.columns.clone();
        }
        let columns = [&self.kind.declaration.sequence].into_iter().chain(self.selection.projection);
        columns.copied().collect::<Vec<_>>().join(", ")
    }

    /// Returns the condition that makes a walk a search, unless the selection limits the field anyway.
    fn bound(&self, first: Option<&'static Field>) -> Option<String> {
        let field = first.filter(|field| field.kind == FieldType::Time)?;
        let limited = self.selection.conditions.iter().any(|condition| condition.field == field.name);
        (!limited).then(|| format!("{} <= {LATEST}", field.name))
    }

    fn select(&self, columns: &str) -> Result<Statement, StoreError> {
        let sql = format!("SELECT {columns} FROM {}{}", self.kind.declaration.name, self.index.clause);
        let mut statement = Statement { sql, parameters: Vec::new() };
        for condition in &self.selection.conditions {
            let text = self.condition(condition, &mut statement.parameters)?;
            statement.add(Some(&text));
        }
        Ok(statement)
    }

    fn condition(&self, condition: &Condition, parameters: &mut Vec<Parameter>) -> Result<String, StoreError> {
        let field = self.field(condition.field)?;
        let (name, literally) = (field.name, self.index.names(field));
        let mut value = |value: &Value| {
            if let (Value::Text(text), true) = (value, literally) {
                return format!("'{}'", text.replace('\'', "''"));
            }
            parameters.push(parameter(value));
            "?".to_owned()
        };
        Ok(match &condition.test {
            Test::Is(wanted) => format!("{name} = {}", value(wanted)),
            Test::IsOneOf(wanted) => {
                let wanted: Vec<_> = wanted.iter().map(value).collect();
                format!("{name} IN ({})", wanted.join(", "))
            }
            Test::Below(bound) => format!("{name} < {}", value(bound)),
            Test::AtMost(bound) => format!("{name} <= {}", value(bound)),
            Test::Above(bound) => format!("{name} > {}", value(bound)),
            Test::Present => format!("{name} IS NOT NULL"),
            Test::Absent => format!("{name} IS NULL"),
            Test::IsKeyOf(of) => {
                let of = Plan::of(self.kinds, of)?;
                let keyless = || StoreError::Corrupt(format!("{} have no keys", of.kind.declaration.name));
                let keys = of.select(of.kind.declaration.key.ok_or_else(keyless)?.name)?;
                parameters.extend(keys.parameters);
                format!("{name} IN ({})", keys.sql)
            }
        })
    }
}

impl Statement {
    /// Adds a condition to those that are there.
    fn add(&mut self, condition: Option<&str>) {
        if let Some(condition) = condition {
            let joined_by = if self.sql.contains(" WHERE ") { " AND " } else { " WHERE " };
            self.sql.push_str(joined_by);
            self.sql.push_str(condition);
        }
    }
}

/// Returns whether a table of counts distinguishes what a condition does.
fn is_counted(counted: &CountedTable, condition: &Condition) -> bool {
    match condition.test {
        Test::Is(_) => condition.field == counted.value.1.name,
        Test::Present | Test::Absent => counted.presence.is_some_and(|(_, field)| condition.field == field.name),
        Test::IsOneOf(_) | Test::Below(_) | Test::AtMost(_) | Test::Above(_) | Test::IsKeyOf(_) => false,
    }
}

fn kept(counted: &CountedTable, conditions: &[Condition]) -> Statement {
    let sql = format!("SELECT coalesce(sum(n), 0) FROM {}", counted.name);
    let mut statement = Statement { sql, parameters: Vec::new() };
    for condition in conditions {
        let (column, value) = match (&condition.test, counted.presence) {
            (Test::Is(value), _) => (counted.value.0, parameter(value)),
            (test, Some((column, _))) => (column, Parameter::Integer((*test == Test::Present).into())),
            (_, None) => continue,
        };
        statement.add(Some(&format!("{column} = ?")));
        statement.parameters.push(value);
    }
    statement
}
