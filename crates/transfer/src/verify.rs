//! Reads a whole file before it is imported: every line is parsed, every count and the checksum are compared, and
//! conflicting rows are found. It also collects what the import needs: where each batch begins, and which sessions the
//! file has.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rekindle_core::SessionId;
use sha2::Digest;

use crate::conflict_check::Sets;
use crate::error::TransferError;
use crate::format::{AnyHeader, Batch, Counts, FORMAT, Head, Header, Section, Trailer};
use crate::gzip_members::{self, Member, Members, Unreadable};
use crate::progress::{Phase, Progress};
use crate::rows::{Item, digits};
use crate::stop::Stop;

/// A verified file.
#[derive(Debug)]
pub struct Verified {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) header: Header,
    pub(crate) trailer: Trailer,
    /// The batches in the order of the file.
    pub(crate) batches: Vec<BatchPosition>,
    pub(crate) sets: Sets,
}

/// The position of a batch in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchPosition {
    pub number: u64,
    pub section: Section,
    pub start: u64,
}

impl Verified {
    /// Returns the number of rows in the file.
    pub fn rows(&self) -> Counts {
        self.trailer.rows
    }

    /// Returns the exported store, without any password.
    pub fn store(&self) -> &str {
        &self.header.store
    }

    /// Returns when the export began.
    pub fn began_at(&self) -> rekindle_core::Timestamp {
        self.header.began_at()
    }

    /// Whether the store changed while it was exported.
    pub fn changed_meanwhile(&self) -> bool {
        self.trailer.changed_meanwhile
    }

    /// Returns the sessions that are imported as stalled, because another one is active in the same project and on the
    /// same machine.
    pub fn stalled(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sets.stalled()
    }
}

/// Reads and checks the whole file. It blocks its thread.
///
/// # Errors
/// Fails if the file cannot be imported as a whole.
pub fn verify(path: &Path, stop: &Stop, tell: &mut dyn FnMut(Progress)) -> Result<Verified, TransferError> {
    let failed = |error: &std::io::Error| TransferError::io(path, "cannot be read", error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let of = file.metadata().map_err(|error| failed(&error))?.len();
    let copy = file.try_clone().map_err(|error| failed(&error))?;
    let mut members = Members::from(copy, 0).map_err(|error| failed(&error))?;
    let Ok(Some(first)) = members.next() else { return Err(first_unreadable(path, of)) };
    let header = header(path, &first.text)?;
    let mut reading = Reading { path, rows: Counts::default(), batches: Vec::new(), sets: Sets::default() };
    let mut whole = first.end;
    loop {
        stop.check()?;
        tell(Progress { doing: Phase::Verifying, done: whole, of: Some(of) });
        let member = match members.next() {
            Ok(Some(member)) => member,
            Ok(None) | Err(Unreadable::CutOff) => {
                return Err(TransferError::CutOff { path: path.to_path_buf(), whole });
            }
            Err(Unreadable::Damaged) => {
                return Err(TransferError::damaged(path, format!("what follows byte {whole} was changed")));
            }
            Err(Unreadable::Failed(error)) => return Err(failed(&error)),
        };
        whole = member.end;
        match head(path, &member.text)? {
            (Head::Batch(batch), rows) => reading.batch(&batch, member.start, rows)?,
            (Head::Trailer(trailer), _) => {
                reading.trailer(&header, &trailer, &member, &file, of)?;
                let Reading { batches, mut sets, .. } = reading;
                sets.finish(path)?;
                return Ok(Verified { path: path.to_path_buf(), file, header, trailer, batches, sets });
            }
            (Head::Header(_), _) => return Err(TransferError::damaged(path, "it has two beginnings")),
        }
    }
}

/// Returns the error for an unreadable first member: the file is no export, unless it is only too short.
fn first_unreadable(path: &Path, length: u64) -> TransferError {
    const MAGIC: [u8; 2] = [0x1f, 0x8b];
    let begins = std::fs::read(path).ok().filter(|_| length < 1000).is_some_and(|bytes| bytes.starts_with(&MAGIC));
    if begins {
        return TransferError::CutOff { path: path.to_path_buf(), whole: 0 };
    }
    TransferError::NoExport(path.to_path_buf())
}

/// Returns the header in the text of the first member.
///
/// # Errors
/// Fails if there is none, or if its format is newer.
pub(crate) fn header(path: &Path, text: &[u8]) -> Result<Header, TransferError> {
    let none = || TransferError::NoExport(path.to_path_buf());
    let AnyHeader { header: any } = serde_json::from_slice(text).map_err(|_| none())?;
    if any.format > FORMAT {
        let by = any.made_by.map(|version| format!(" of Rekindle {version}")).unwrap_or_default();
        return Err(TransferError::Newer { path: path.to_path_buf(), format: any.format, by, known: FORMAT });
    }
    match serde_json::from_slice(text) {
        Ok(Head::Header(header)) => Ok(header),
        Ok(Head::Batch(_) | Head::Trailer(_)) | Err(_) => Err(none()),
    }
}

/// Splits the text of a member into its first line, parsed, and the others.
///
/// # Errors
/// Fails if the first line is invalid.
pub(crate) fn head<'a>(path: &Path, text: &'a [u8]) -> Result<(Head, &'a [u8]), TransferError> {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let head = serde_json::from_slice(line);
    let head = head.map_err(|_| TransferError::damaged(path, "a part of it says nothing of what it is"))?;
    Ok((head, rest.get(1..).unwrap_or_default()))
}

/// Parses the rows of a batch.
///
/// # Errors
/// Fails if a row is invalid, or if there are more or fewer than the batch says.
pub(crate) fn items(path: &Path, batch: &Batch, rows: &[u8]) -> Result<Vec<Item>, TransferError> {
    let number = batch.number;
    let mut items = Vec::new();
    for line in rows.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let item = Item::read(batch.section, line).map_err(|fault| {
            let (what, row) = (batch.section.as_str(), items.len() + 1);
            TransferError::damaged(path, format!("batch {number} ({what}), row {row}: {fault}"))
        })?;
        items.push(item);
    }
    if items.len() as u64 != batch.rows {
        let (has, says) = (items.len(), batch.rows);
        return Err(TransferError::damaged(path, format!("batch {number} has {has} rows, and says {says}")));
    }
    Ok(items)
}

/// The state of a verification.
struct Reading<'a> {
    path: &'a Path,
    rows: Counts,
    batches: Vec<BatchPosition>,
    sets: Sets,
}

impl Reading<'_> {
    fn batch(&mut self, batch: &Batch, start: u64, rows: &[u8]) -> Result<(), TransferError> {
        let Batch { number, section, .. } = *batch;
        if number != self.batches.len() as u64 + 1 {
            return Err(TransferError::damaged(self.path, format!("batch {number} is not in its place")));
        }
        for item in &items(self.path, batch, rows)? {
            self.sets.see(self.path, item)?;
        }
        *self.rows.of(section) += batch.rows;
        self.batches.push(BatchPosition { number, section, start });
        Ok(())
    }

    fn trailer(
        &self,
        header: &Header,
        trailer: &Trailer,
        member: &Member,
        file: &File,
        of: u64,
    ) -> Result<(), TransferError> {
        let damaged = |why: &str| Err(TransferError::damaged(self.path, why));
        if trailer.sha256 != digits(&member.before.clone().finalize()) {
            return damaged("it is not as it was written (its checksum is another one)");
        }
        // A trailer can be written in one way only, so its bytes are compared.
        if !is_canonical(file, member) {
            return damaged("its end is not as it was written");
        }
        if member.end != of {
            return damaged("there is something behind its end");
        }
        if trailer.export != header.export || trailer.batches != self.batches.len() as u64 || trailer.rows != self.rows
        {
            return damaged("it does not hold what its end says");
        }
        Ok(())
    }
}

/// Whether the bytes of this member are those that would be written.
fn is_canonical(mut file: &File, member: &Member) -> bool {
    let Some(expected) = gzip_members::stored(&member.text) else { return false };
    let mut bytes = vec![0; expected.len()];
    let read = file.seek(SeekFrom::Start(member.start)).and_then(|_| file.read_exact(&mut bytes));
    read.is_ok() && bytes == expected
}
