//! Reads: each selection checks every record of its kind.

use std::cmp::Reverse;

use rekindle_core::Version;
use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::store::{
    AuditFilter, Condition, EventPosition, Found, Key, Order, Query, RecordedEvent, Row as FoundRow, RowContent,
    Selection, Start, StoreError, Test, Value,
};
use rekindle_records::Declaration;

use super::state::{Row, State};

impl State {
    pub(super) fn find(&self, query: &Query) -> Result<Found, StoreError> {
        let rows = query.selections().iter().map(|selection| self.select(selection)).collect::<Result<_, _>>()?;
        let number = |of: &Selection| Ok::<_, StoreError>(self.matching(of)?.len() as u64);
        let counts = query.counts().iter().map(|count| number(&count.of)).collect::<Result<_, _>>()?;
        Ok(Found { rows, counts })
    }

    fn select(&self, selection: &Selection) -> Result<Vec<FoundRow>, StoreError> {
        let kind = self.record_type(selection.kind)?;
        let mut rows = self.matching(selection)?;
        match selection.order {
            Order::By(fields) => rows.sort_by_key(|row| {
                let values: Vec<_> = fields.iter().map(|field| row.fields.value(field)).collect();
                (values, row.sequence)
            }),
            Order::NewestFirst => {
                let created_at = created_at(kind.declaration(), selection.index)?;
                rows.sort_by_key(|row| Reverse((row.fields.value(created_at), row.sequence)));
                if let Start::After(cursor) = selection.start {
                    let place = (Some(Value::Time(cursor.created_at)), cursor.mark);
                    rows.retain(|row| (row.fields.value(created_at), u128::from(row.sequence)) < place);
                }
            }
        }
        if let Start::Offset(offset) = selection.start {
            rows.drain(..usize::try_from(offset).unwrap_or(usize::MAX).min(rows.len()));
        }
        rows.truncate(selection.limit.map_or(usize::MAX, |limit| limit as usize));
        rows.into_iter().map(|row| self.found(selection, row)).collect()
    }

    fn found(&self, selection: &Selection, row: &Row) -> Result<FoundRow, StoreError> {
        let content = match selection.projection {
            [] => RowContent::Entity(row.fields.decode(self.record_type(selection.kind)?)?),
            projection => RowContent::Fields(projection.iter().map(|name| projected(row, name)).collect()),
        };
        let version = if selection.projection.is_empty() { row.version } else { Version::FIRST };
        Ok(FoundRow { content, version, mark: row.sequence.into() })
    }

    fn matching(&self, selection: &Selection) -> Result<Vec<&Row>, StoreError> {
        let mut rows = Vec::new();
        for (key, row) in self.records_of(selection.kind) {
            let mut meets = selection.key.as_ref().is_none_or(|wanted| *wanted == key.key);
            for condition in &selection.conditions {
                meets = meets && self.meets(condition, row)?;
            }
            if meets {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn meets(&self, condition: &Condition, row: &Row) -> Result<bool, StoreError> {
        let value = row.fields.value(condition.field);
        Ok(match (&condition.test, value) {
            (Test::Absent, value) => value.is_none(),
            (_, None) => false,
            (Test::Present, Some(_)) => true,
            (Test::Is(wanted), Some(value)) => value == *wanted,
            (Test::IsOneOf(wanted), Some(value)) => wanted.contains(&value),
            (Test::Below(bound), Some(value)) => value < *bound,
            (Test::AtMost(bound), Some(value)) => value <= *bound,
            (Test::Above(bound), Some(value)) => value > *bound,
            (Test::IsKeyOf(of), Some(value)) => {
                let wanted = key(value);
                let mut keys = self.records_of(of.kind);
                let found = self.matching(of)?;
                keys.any(|(key, row)| key.key == wanted && found.iter().any(|found| std::ptr::eq(*found, row)))
            }
        })
    }

    pub(super) fn events_after(&self, after: u64, limit: u32) -> Vec<RecordedEvent> {
        let later = self.events.iter().filter(|(position, _)| *position > after);
        later.take(limit as usize).map(recorded).collect()
    }

    pub(super) fn audit_log(&self, filter: &AuditFilter, before: u64, limit: u32) -> Vec<RecordedEvent> {
        let earlier = self.events.iter().rev().filter(|(position, event)| *position < before && fits(filter, event));
        earlier.take(limit as usize).map(recorded).collect()
    }
}

/// Returns the field by which an index orders its records.
fn created_at(declaration: &Declaration, index: &str) -> Result<&'static str, StoreError> {
    let found = declaration.index(index).and_then(|index| index.by_creation);
    let missing = || StoreError::Corrupt(format!("{} have no index {index} by creation", declaration.name));
    found.map(|field| field.name).ok_or_else(missing)
}

fn projected(row: &Row, name: &str) -> Option<Value> {
    match name {
        "revision" => Some(row.version.revision.into()),
        "touches" => Some(row.version.touches.into()),
        name => row.fields.value(name),
    }
}

/// Returns the key that a value names.
fn key(value: Value) -> Key {
    match value {
        Value::Text(text) => Key::Text(text.as_ref().into()),
        Value::Uuid(id) => Key::Uuid(id),
        Value::Bytes(bytes) => Key::Bytes(bytes),
        Value::Time(_) | Value::Integer(_) => panic!("no record has such a key"),
    }
}

fn recorded((position, event): &(u64, Event)) -> RecordedEvent {
    RecordedEvent { position: EventPosition(position.to_string().into_boxed_str()), event: event.clone() }
}

fn fits(filter: &AuditFilter, event: &Event) -> bool {
    let (session, machine) = match &event.subject {
        Subject::Session(id) | Subject::Task(_, id) => (Some(*id), None),
        Subject::Machine(id) => (None, Some(id)),
        Subject::Key(_) | Subject::Service => (None, None),
    };
    let key = event.by.as_ref().and_then(|actor| actor.key);
    (filter.key.is_none() || filter.key == key)
        && (filter.session.is_none() || filter.session == session)
        && (filter.machine.is_none() || filter.machine.as_ref() == machine)
        && filter.kind.is_none_or(|kind| kind == event.kind)
        && filter.since.is_none_or(|since| since <= event.at)
        && filter.until.is_none_or(|until| event.at < until)
}
