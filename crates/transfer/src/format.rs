//! The format of the file: lines of JSON in gzip members, each of which can be read by itself. The first member is the
//! header; each of the next is a batch, whose first line describes it and whose other lines are rows; the last is the
//! trailer, without which a file is incomplete. `zcat FILE` shows all of it.

use rekindle_core::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The format that this version writes, and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;
/// A batch has at most so many rows, and is one commit when it is imported.
pub(crate) const ROWS: usize = 500;
/// A batch ends when its rows have come to so many bytes of JSON.
pub(crate) const BYTES: usize = 1 << 20;

/// What is exported, in the order in which it is read: see [`crate::export()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// What happened.
    Events,
    /// Sessions.
    Sessions,
    /// Tasks.
    Tasks,
    /// Machines.
    Machines,
    /// API keys: of their secrets only the hashes.
    Keys,
}

impl Section {
    /// Every section, in the order in which an export reads them.
    pub const ALL: [Self; 5] = [Self::Events, Self::Sessions, Self::Tasks, Self::Machines, Self::Keys];

    /// As it is said to a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Sessions => "sessions",
            Self::Tasks => "tasks",
            Self::Machines => "machines",
            Self::Keys => "keys",
        }
    }

    /// The one that is read after this one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|section| *section > self)
    }
}

/// How many of each there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Sessions.
    pub sessions: u64,
    /// Tasks.
    pub tasks: u64,
    /// Machines.
    pub machines: u64,
    /// API keys.
    pub keys: u64,
}

impl Counts {
    /// The count of one section.
    pub fn of(&mut self, section: Section) -> &mut u64 {
        match section {
            Section::Events => &mut self.events,
            Section::Sessions => &mut self.sessions,
            Section::Tasks => &mut self.tasks,
            Section::Machines => &mut self.machines,
            Section::Keys => &mut self.keys,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.events + self.sessions + self.tasks + self.machines + self.keys
    }
}

/// The first line of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Head {
    /// Of the first member.
    Header(Header),
    /// Of each batch.
    Batch(Batch),
    /// Of the last member.
    Trailer(Trailer),
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The version of the format.
    pub format: u32,
    /// Names this export, and no other.
    pub export: Uuid,
    /// When it was begun, in milliseconds since 1970.
    pub at: i64,
    /// The version of Rekindle that wrote it.
    pub made_by: String,
    /// The store that it is of, without any password.
    pub store: String,
    /// How much there seemed to be when it began; of events that is not known.
    pub expected: Counts,
}

impl Header {
    /// When the export was begun.
    pub(crate) fn began_at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// What a header of any version says.
#[derive(Debug, Deserialize)]
pub(crate) struct AnyHeader {
    pub header: AnyVersion,
}

/// See [`AnyHeader`].
#[derive(Debug, Deserialize)]
pub(crate) struct AnyVersion {
    pub format: u32,
    #[serde(default)]
    pub made_by: Option<String>,
}

/// What a batch says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    /// Counts up from 1.
    pub number: u64,
    /// What its rows are.
    pub section: Section,
    /// How many follow.
    pub rows: u64,
    /// Where an export that was interrupted behind this batch goes on; none: it goes back to a batch that says where.
    pub then: Option<ReadCursor>,
}

/// A place in the order of reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ReadCursor {
    /// In this section, behind what the store calls this; none: at its beginning.
    In(Section, Option<String>),
    /// All was read.
    Done,
}

impl ReadCursor {
    /// Behind this section.
    pub(crate) fn behind(section: Section) -> Self {
        section.next().map_or(Self::Done, |next| Self::In(next, None))
    }
}

/// The end of a whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trailer {
    /// The header's.
    pub export: Uuid,
    /// How many batches there are.
    pub batches: u64,
    /// How many rows are in them.
    pub rows: Counts,
    /// Whether anything happened in the store while it was read.
    pub changed_meanwhile: bool,
    /// The SHA-256 of every byte before this member, in hexadecimal digits.
    pub sha256: String,
}
