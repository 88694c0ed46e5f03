//! The statements about one record, made once from its declaration.

use rekindle_records::{Change, Declaration};

/// The statements of one kind of record. The parameters of an insert and of an update are the record's fields in the
/// order of the declaration; an update adds the expected version and, for a record that has heartbeats, the latest
/// heartbeat that leaves the judgement of a silence standing.
pub(crate) struct Statements {
    /// What [`crate::codec`] reads: the sequence, the fields, the version.
    pub(crate) columns: String,
    /// Adds a record.
    pub(crate) insert: String,
    /// Sets what can change: SQLite rewrites each index of which a column is set, changed or not.
    pub(crate) update: String,
    /// Whether an update takes the latest heartbeat as its last parameter.
    pub(crate) has_heartbeats: bool,
    /// Reads the record of a key.
    pub(crate) by_key: String,
    /// Says whether there is a record of a key.
    pub(crate) exists: String,
    /// Raises the touches of a record at a revision. Parameters: key, revision.
    pub(crate) touch: String,
    /// Sets the version of a record. Parameters: key, revision, touches.
    pub(crate) restore: String,
    /// Deletes a record at a version. Parameters: key, revision, touches.
    pub(crate) delete: String,
}

impl Statements {
    /// Returns the statements of a declaration.
    pub(crate) fn of(declaration: &'static Declaration) -> Self {
        let table = declaration.name;
        let key = declaration.key.map_or(declaration.sequence, |key| key.name);
        let indexed = declaration.key.map(|key| format!("INDEXED BY {table}_{} ", key.name)).unwrap_or_default();
        let columns = columns(declaration);
        let at_version = format!("WHERE {key} = ?1 AND revision = ?2");
        Self {
            insert: insert(declaration),
            update: update(declaration, &indexed, key),
            has_heartbeats: declaration.latest_field().is_some(),
            by_key: format!("SELECT {columns} FROM {table} {indexed}WHERE {key} = ?1"),
            exists: format!("SELECT 1 FROM {table} {indexed}WHERE {key} = ?1"),
            touch: format!("UPDATE {table} {indexed}SET touches = touches + 1 {at_version}"),
            restore: format!("UPDATE {table} {indexed}SET revision = ?2, touches = ?3 WHERE {key} = ?1"),
            delete: format!("DELETE FROM {table} {indexed}{at_version} AND touches = ?3"),
            columns,
        }
    }

    /// Returns those that can be run, for the tests of plans. A record without a version is only added and read.
    #[cfg(test)]
    pub(super) fn all(&self, declaration: &Declaration) -> Vec<String> {
        let Self { insert, update, by_key, exists, touch, restore, delete, .. } = self;
        let mut all = vec![insert.clone()];
        if declaration.key.is_some() {
            all.extend([by_key, exists].map(String::clone));
        }
        if declaration.versioned {
            all.extend([update, touch, restore, delete].map(String::clone));
        }
        all
    }
}

fn columns(declaration: &'static Declaration) -> String {
    let mut columns = vec![declaration.sequence];
    columns.extend(declaration.read_fields().map(|field| field.name));
    if declaration.versioned {
        columns.extend(["revision", "touches"]);
    }
    columns.join(", ")
}

fn insert(declaration: &'static Declaration) -> String {
    let names: Vec<_> = declaration.fields.iter().map(|field| field.name).collect();
    let values: Vec<_> = (1..=names.len()).map(|number| format!("?{number}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", declaration.name, names.join(", "), values.join(", "))
}

fn update(declaration: &'static Declaration, indexed: &str, key: &str) -> String {
    let mut set = Vec::new();
    for (number, field) in (1..).zip(declaration.fields) {
        let name = field.name;
        match field.change {
            Change::Never => {}
            Change::Replace => set.push(format!("{name} = ?{number}")),
            Change::Latest => set.push(format!("{name} = max({name}, ?{number})")),
        }
    }
    set.push("revision = revision + 1".to_owned());
    let fields = declaration.fields.len();
    let (set, revision, touches) = (set.join(", "), fields + 1, fields + 2);
    let quiet = declaration.latest_field().map(|field| format!(" AND {} <= ?{}", field.name, fields + 3));
    format!(
        "UPDATE {} {indexed}SET {set} WHERE {key} = ?1 AND revision = ?{revision} AND touches = ?{touches}{}",
        declaration.name,
        quiet.unwrap_or_default()
    )
}
