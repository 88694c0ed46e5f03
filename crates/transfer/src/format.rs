//! The content of the file: lines of JSON in gzip members, each of which can be read by itself. The first member is the
//! header. Each of the next is a batch: its first line describes it, the others are rows. The last is the trailer,
//! without which a file is incomplete. `zcat FILE` shows everything.

use rekindle_core::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The format that this version writes, and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;
/// The largest number of rows of a batch. A batch is imported in one commit.
pub(crate) const ROWS: usize = 500;
/// A batch ends when its rows have this many bytes of JSON.
pub(crate) const BYTES: usize = 1 << 20;

/// The sections of a file, in the order in which they are exported: see [`crate::export()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Events.
    Events,
    /// Sessions.
    Sessions,
    /// Tasks.
    Tasks,
    /// Machines.
    Machines,
    /// API keys. Of their secrets only the hashes are exported.
    Keys,
}

impl Section {
    /// Every section, in the order in which an export reads them.
    pub const ALL: [Self; 5] = [Self::Events, Self::Sessions, Self::Tasks, Self::Machines, Self::Keys];

    /// Returns the name of the section for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Sessions => "sessions",
            Self::Tasks => "tasks",
            Self::Machines => "machines",
            Self::Keys => "keys",
        }
    }

    /// Returns the section that follows.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|section| *section > self)
    }
}

/// The number of rows of each section.
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
    /// Returns the count of one section.
    pub fn of(&mut self, section: Section) -> &mut u64 {
        match section {
            Section::Events => &mut self.events,
            Section::Sessions => &mut self.sessions,
            Section::Tasks => &mut self.tasks,
            Section::Machines => &mut self.machines,
            Section::Keys => &mut self.keys,
        }
    }

    /// Returns the sum of all sections.
    pub fn total(&self) -> u64 {
        self.events + self.sessions + self.tasks + self.machines + self.keys
    }
}

/// The first line of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Head {
    /// The first member.
    Header(Header),
    /// A batch.
    Batch(Batch),
    /// The last member.
    Trailer(Trailer),
}

/// The first member: what the file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The version of the format.
    pub format: u32,
    /// The id of this export.
    pub export: Uuid,
    /// When the export began, in milliseconds since 1970.
    pub at: i64,
    /// The version of Rekindle that wrote it.
    pub made_by: String,
    /// The exported store, without any password.
    pub store: String,
    /// The approximate number of rows when the export began; 0 for events.
    pub expected: Counts,
}

impl Header {
    /// When the export began.
    pub(crate) fn began_at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// The part of a header that every version of the format has.
#[derive(Debug, Deserialize)]
pub(crate) struct AnyHeader {
    pub header: AnyVersion,
}

/// The part of [`AnyHeader`] that names the format.
#[derive(Debug, Deserialize)]
pub(crate) struct AnyVersion {
    pub format: u32,
    #[serde(default)]
    pub made_by: Option<String>,
}

/// The description of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    /// The number of the batch, from 1 on.
    pub number: u64,
    /// The section of its rows.
    pub section: Section,
    /// The number of rows that follow.
    pub rows: u64,
    /// Where an export that was interrupted after this batch continues. `None`: it goes back to an earlier batch that
    /// has a cursor.
    pub then: Option<ReadCursor>,
}

/// A position in the order of reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ReadCursor {
    /// In this section, after the row with this cursor of the store; `None`: at its beginning.
    In(Section, Option<String>),
    /// At the end.
    Done,
}

impl ReadCursor {
    /// Returns the position after this section.
    pub(crate) fn behind(section: Section) -> Self {
        section.next().map_or(Self::Done, |next| Self::In(next, None))
    }
}

/// The trailer, which marks a complete file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trailer {
    /// The id of the export, as in the header.
    pub export: Uuid,
    /// The number of batches.
    pub batches: u64,
    /// The number of rows in them.
    pub rows: Counts,
    /// Whether the store changed while it was read.
    pub changed_meanwhile: bool,
    /// The SHA-256 of every byte before this member, in hexadecimal digits.
    pub sha256: String,
}
