//! An entity of another crate: a note on a project. It shows what a further low-rate entity costs (this file and nothing
//! else), and the conformance suite runs it on every store.

use rekindle_core::store::{Entity, Key, Page, PageRequest, Selection, TypedQuery, UniqueRule, queries};
use rekindle_core::{ProjectId, TaskName, Timestamp, Versioned};
use rekindle_records::{
    Condition, Declaration, DecodeError, DecodeFields, Decoder, EncodeError, Encoder, Extension, Index, Record, TypeOf,
    UniqueSet, declare_fields,
};
use uuid::Uuid;

/// The rule that an open title occurs once in a project.
pub const ONE_OPEN_TITLE: UniqueRule = UniqueRule::Other("one open note of a title");

/// A note on a project.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// Its id.
    pub id: Uuid,
    /// The project.
    pub project_id: ProjectId,
    /// Its title.
    pub title: TaskName,
    /// How often it was read.
    pub reads: u32,
    /// The time at which it was written.
    pub created_at: Timestamp,
    /// The time at which it was closed, if it was.
    pub closed_at: Option<Timestamp>,
}

declare_fields! {
    /// Names the record.
    ID = Field::uuid("id");
    /// The project.
    PROJECT_ID = Field::text("project_id").up_to(200);
    /// The title.
    TITLE = Field::text("title").up_to(4000).mutable();
    /// How often it was read.
    READS = Field::integer("reads").mutable();
    /// The time at which it was written.
    CREATED_AT = Field::time("created_at");
    /// The time at which it was closed.
    CLOSED_AT = Field::time("closed_at").nullable().mutable();
}

use fields::{CLOSED_AT, CREATED_AT, ID, PROJECT_ID, READS, TITLE};

static DECLARATION: Declaration = Declaration {
    name: "notes",
    fields: fields::ALL,
    key: Some(&ID),
    sequence: "seq",
    versioned: true,
    unique: &[UniqueSet {
        name: "one_open",
        rule: ONE_OPEN_TITLE,
        fields: &[&PROJECT_ID, &TITLE],
        only: &[Condition::Absent(&CLOSED_AT)],
    }],
    indexes: &[
        Index::of("created", &[]).by_creation(&CREATED_AT),
        Index::of("project", &[&PROJECT_ID]).by_creation(&CREATED_AT),
    ],
    counted: None,
    document_indexes: None,
};

impl Entity for Note {
    const KIND: &'static str = DECLARATION.name;
    type Id = Key;

    fn id(&self) -> Key {
        Key::Uuid(self.id)
    }
}

impl Record for Note {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&ID, self.id.into())?;
        to.put(&PROJECT_ID, self.project_id.as_str().into())?;
        to.put(&TITLE, self.title.as_str().into())?;
        to.put(&READS, i64::from(self.reads).into())?;
        to.put(&CREATED_AT, self.created_at.into())?;
        to.put(&CLOSED_AT, self.closed_at.into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            id: from.uuid(&ID)?,
            project_id: from.text(&PROJECT_ID)?,
            title: from.text(&TITLE)?,
            reads: from.number(&READS)?,
            created_at: from.time(&CREATED_AT)?,
            closed_at: from.optional_time(&CLOSED_AT)?,
        })
    }
}

/// The extension that stores notes.
pub const NOTES: Extension = Extension {
    types: &[&TypeOf::<Note>::new()],
    sql: "CREATE TABLE IF NOT EXISTS notes (
              seq        INTEGER PRIMARY KEY,
              id         BLOB    NOT NULL CHECK (length(id) = 16),
              project_id TEXT    NOT NULL,
              title      TEXT    NOT NULL,
              reads      INTEGER NOT NULL,
              created_at INTEGER NOT NULL,
              closed_at  INTEGER,
              revision   INTEGER NOT NULL DEFAULT 1,
              touches    INTEGER NOT NULL DEFAULT 0
          ) STRICT;
          CREATE UNIQUE INDEX IF NOT EXISTS notes_id ON notes (id);
          CREATE UNIQUE INDEX IF NOT EXISTS notes_one_open ON notes (project_id, title) WHERE closed_at IS NULL;
          CREATE INDEX IF NOT EXISTS notes_created ON notes (created_at, seq);
          CREATE INDEX IF NOT EXISTS notes_project ON notes (project_id, created_at, seq);",
};

/// Finds the note with this id.
pub fn note(id: Uuid) -> TypedQuery<Option<Versioned<Note>>> {
    queries::by_id("note", Key::Uuid(id))
}

/// Finds a page of the notes on a project, newest first.
pub fn notes_on(project: &ProjectId, page: PageRequest) -> TypedQuery<Page<Note>> {
    let list = Selection::by_index::<Note>("project").is("project_id", project.clone());
    queries::newest_first("notes", list, page, |note: &Note| note.created_at)
}
