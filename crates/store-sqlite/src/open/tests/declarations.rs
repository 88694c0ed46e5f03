//! The schema that the migrations make is the one that `rekindle_records` declares: tables, columns, keys, unique rules
//! and indexes, none missing and none besides.

use std::collections::{BTreeMap, BTreeSet};

use rekindle_records::{ALL, Condition, Declaration, FieldType};
use rusqlite::Connection;

use crate::open;
use crate::options::SqliteOptions;
use rekindle_testkit::note::NOTES;

/// Tables that hold no records: counts that triggers keep, and leases.
const OTHER_TABLES: [&str; 3] = ["leases", "session_counts", "task_counts"];

fn names(db: &Connection, sql: &str) -> BTreeSet<String> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

const fn type_of(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text | FieldType::Object | FieldType::Integers => "TEXT",
        FieldType::Uuid | FieldType::Bytes => "BLOB",
        FieldType::Time | FieldType::Integer | FieldType::SmallInteger => "INTEGER",
    }
}

/// The columns of a table: type, and whether it may be null.
fn declared_columns(declaration: &'static Declaration) -> BTreeMap<String, (&'static str, bool)> {
    let fields = declaration.fields.iter();
    let mut columns: BTreeMap<_, _> =
        fields.map(|field| (field.name.to_owned(), (type_of(field.kind), field.nullable))).collect();
    if declaration.versioned {
        columns.insert("revision".to_owned(), ("INTEGER", false));
        columns.insert("touches".to_owned(), ("INTEGER", false));
    }
    columns
}

fn found_columns(db: &Connection, declaration: &'static Declaration) -> BTreeMap<String, (String, bool)> {
    let mut columns = db.prepare("SELECT name, type, \"notnull\" FROM pragma_table_info(?1)").unwrap();
    let columns = columns.query_map([declaration.name], |row| {
        Ok((row.get::<_, String>(0)?, (row.get::<_, String>(1)?, !row.get::<_, bool>(2)?)))
    });
    columns.unwrap().map(Result::unwrap).filter(|(name, _)| name != declaration.sequence).collect()
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Is(field, value) => format!("{} = '{value}'", field.name),
        Condition::IsOneOf(field, values) => {
            let each: Vec<_> = values.iter().map(|value| format!("{} = '{value}'", field.name)).collect();
            each.join(" OR ")
        }
        Condition::Present(field) => format!("{} IS NOT NULL", field.name),
        Condition::Absent(field) => format!("{} IS NULL", field.name),
        Condition::NotNegative(field) => format!("{} >= 0", field.name),
    }
}

/// An index as the statement that makes it.
fn statement(table: &str, unique: &str, name: &str, columns: &[&str], only: &[Condition]) -> String {
    let only: Vec<_> = only.iter().map(condition).collect();
    let only = if only.is_empty() { String::new() } else { format!(" WHERE {}", only.join(" AND ")) };
    format!("CREATE {unique}INDEX {table}_{name} ON {table} ({}){only}", columns.join(", "))
}

fn declared_indexes(declaration: &'static Declaration) -> BTreeSet<String> {
    let table = declaration.name;
    let mut indexes = BTreeSet::new();
    if let Some(key) = declaration.key {
        indexes.insert(statement(table, "UNIQUE ", key.name, &[key.name], &[]));
    }
    for set in declaration.unique {
        let columns: Vec<_> = set.fields.iter().map(|field| field.name).collect();
        indexes.insert(statement(table, "UNIQUE ", set.name, &columns, set.only));
    }
    for index in declaration.indexes.iter().filter(|index| index.served_in_sql_by.is_none()) {
        let mut columns: Vec<_> = index.fields.iter().map(|field| field.name).collect();
        if let Some(created_at) = index.by_creation {
            columns.extend([created_at.name, declaration.sequence]);
        }
        columns.extend(index.covers.iter().map(|field| field.name));
        indexes.insert(statement(table, "", index.name, &columns, index.only));
    }
    indexes
}

#[test]
fn the_schema_equals_the_declarations() {
    let db = open::writer(&SqliteOptions::default()).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT LIKE 'refinery_%'";
    let mut declared: BTreeSet<_> = ALL.iter().map(|declaration| declaration.name.to_owned()).collect();
    declared.extend(OTHER_TABLES.map(str::to_owned));
    assert_eq!(names(&db, tables), declared);
    for declaration in ALL {
        assert_declared(&db, declaration);
    }
}

#[test]
fn the_tables_of_an_extension_equal_its_declarations() {
    let db = open::writer(&SqliteOptions { extension: NOTES, ..SqliteOptions::default() }).unwrap();
    for kind in NOTES.types {
        assert_declared(&db, kind.declaration());
    }
}

fn assert_declared(db: &Connection, declaration: &'static Declaration) {
    let table = declaration.name;
    let found = found_columns(db, declaration);
    let found = found.iter().map(|(name, (kind, nullable))| (name.clone(), (kind.as_str(), *nullable)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), declared_columns(declaration), "{table}");
    let indexes =
        format!("SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = '{table}' AND sql NOTNULL");
    assert_eq!(names(db, &indexes), declared_indexes(declaration), "{table}");
}

/// SQLite looks at the unique index that was made last first, so that the first rule that is declared is made last.
#[test]
fn the_first_declared_rule_is_the_first_that_is_refused() {
    let db = open::writer(&SqliteOptions::default()).unwrap();
    for declaration in ALL {
        let mut made = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1").unwrap();
        let made = made.query_map([declaration.name], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        let sets: Vec<_> = declaration.unique.iter().map(|set| format!("{}_{}", declaration.name, set.name)).collect();
        let made: Vec<_> = made.filter(|name| sets.contains(name)).collect();
        assert!(made.iter().eq(sets.iter().rev()), "{made:?} {sets:?}");
    }
}
