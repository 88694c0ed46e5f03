//! The file that an export writes. While it is unfinished, it lies beside its target as `….part` and is locked; it gets
//! the target's name once it is complete and on the disk. Its content says where an interrupted export continues: after
//! the last complete batch that has a cursor.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rekindle_atomic_file::{Existing, LockError, PartialFile, PersistError};
use sha2::{Digest, Sha256};

use crate::error::TransferError;
use crate::format::{Batch, Counts, Head, Header, ReadCursor, Section, Trailer};
use crate::gzip_members::{self, Members};
use crate::rows::digits;
use crate::verify::{head, header};

/// An unfinished export.
#[derive(Debug)]
pub(crate) struct PartialExport {
    file: PartialFile,
    existing: Existing,
    hash: Sha256,
    /// What was written so far.
    state: ExportState,
}

/// The progress of an unfinished export, as its file shows it.
#[derive(Debug, Clone)]
pub(crate) struct ExportState {
    /// The header of the file.
    pub(crate) header: Header,
    /// The number of batches.
    pub(crate) batches: u64,
    /// The number of rows in them.
    pub(crate) rows: Counts,
    /// Where the export continues.
    pub(crate) then: ReadCursor,
    /// The position of the last event that was read.
    pub(crate) last_event: Option<String>,
}

impl PartialExport {
    /// Opens the unfinished file, empty or as it was left.
    ///
    /// # Errors
    /// Fails when the target is there and may not be replaced, when another process writes it, or with the system's error.
    pub(crate) fn open(target: &Path, existing: Existing) -> Result<LockedFile, TransferError> {
        let failed = |error: &io::Error| TransferError::io(target, "cannot be written", error);
        if target.is_dir() {
            return Err(failed(&ErrorKind::IsADirectory.into()));
        }
        if existing == Existing::Stays && target.exists() {
            return Err(TransferError::Exists(target.to_path_buf()));
        }
        let mut name = OsString::from(target.as_os_str());
        name.push(".part");
        match PartialFile::open(PathBuf::from(name), target) {
            Ok(file) => Ok(LockedFile { file, existing }),
            Err(LockError::InUse | LockError::Finished) => Err(TransferError::UnderWay(target.to_path_buf())),
            Err(LockError::Failed(error)) => Err(failed(&error)),
        }
    }

    /// Returns how far the export has come.
    pub(crate) fn state(&self) -> &ExportState {
        &self.state
    }

    /// Returns where the file is while it is unfinished.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes a batch of rows, which are lines already.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(crate) fn batch(
        &mut self,
        section: Section,
        rows: u64,
        lines: &[u8],
        then: Option<ReadCursor>,
    ) -> Result<(), TransferError> {
        let batch = Batch { number: self.state.batches + 1, section, rows, then };
        let mut text = self.line(&Head::Batch(batch.clone()))?;
        text.extend_from_slice(lines);
        self.member(&text)?;
        self.state.add(batch);
        Ok(())
    }

    /// Writes the trailer and gives the file its name. Returns what was written and the length of the file.
    ///
    /// # Errors
    /// Fails with the system's error, or when there is a file by that name now.
    pub(crate) fn finish(mut self, changed_meanwhile: bool) -> Result<(ExportState, u64), TransferError> {
        let trailer = Trailer {
            export: self.state.header.export,
            batches: self.state.batches,
            rows: self.state.rows,
            changed_meanwhile,
            sha256: digits(&self.hash.clone().finalize()),
        };
        let text = self.line(&Head::Trailer(trailer))?;
        let member = gzip_members::stored(&text).ok_or_else(|| self.failed(&ErrorKind::FileTooLarge.into()))?;
        self.write(&member)?;
        let bytes = self.file.file().metadata().map_err(|error| self.failed(&error))?.len();
        match self.file.persist(self.existing) {
            Ok(()) => Ok((self.state, bytes)),
            Err(PersistError::Exists) => Err(TransferError::Exists(self.file.target().to_path_buf())),
            Err(PersistError::Failed(error) | PersistError::FolderNotSynced(error)) => Err(self.failed(&error)),
        }
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(crate) fn sync(&self) -> Result<(), TransferError> {
        self.file.file().sync_data().map_err(|error| self.failed(&error))
    }

    fn line(&self, head: &Head) -> Result<Vec<u8>, TransferError> {
        let mut text = serde_json::to_vec(head).map_err(|error| self.failed(&error.into()))?;
        text.push(b'\n');
        Ok(text)
    }

    fn member(&mut self, text: &[u8]) -> Result<(), TransferError> {
        let member = gzip_members::compressed(text).map_err(|error| self.failed(&error))?;
        self.write(&member)
    }

    fn write(&mut self, member: &[u8]) -> Result<(), TransferError> {
        self.file.file().write_all(member).map_err(|error| self.failed(&error))?;
        self.hash.update(member);
        Ok(())
    }

    /// Ends the file at `end` and hashes what is left of it.
    fn rewind(&mut self, end: u64) -> io::Result<()> {
        let mut file = self.file.file();
        file.set_len(end)?;
        file.seek(SeekFrom::Start(0))?;
        let mut kept = BufReader::new(file);
        loop {
            let bytes = kept.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.hash.update(bytes);
            let length = bytes.len();
            kept.consume(length);
        }
    }

    fn failed(&self, error: &io::Error) -> TransferError {
        TransferError::io(self.path(), "cannot be written", error)
    }
}

impl ExportState {
    fn new(header: Header) -> Self {
        Self {
            header,
            batches: 0,
            rows: Counts::default(),
            then: ReadCursor::In(Section::ALL[0], None),
            last_event: None,
        }
    }

    fn add(&mut self, batch: Batch) {
        self.batches = batch.number;
        *self.rows.of(batch.section) += batch.rows;
        if let Some(then) = batch.then {
            self.continue_at(then);
        }
    }

    /// Sets where the export continues.
    pub(crate) fn continue_at(&mut self, then: ReadCursor) {
        if let ReadCursor::In(Section::Events, Some(last)) = &then {
            self.last_event = Some(last.clone());
        }
        self.then = then;
    }
}

/// An unfinished file, locked, whose content was not read yet.
#[derive(Debug)]
pub(crate) struct LockedFile {
    file: PartialFile,
    existing: Existing,
}

impl LockedFile {
    /// Returns where the file is.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns what an interrupted export left and where that ends; `None` if it left nothing of use.
    ///
    /// # Errors
    /// Fails when the file is of a newer version or of another program, or with the system's error.
    pub(crate) fn found(&self) -> Result<Option<(ExportState, u64)>, TransferError> {
        let path = self.path();
        let failed = |error: &io::Error| TransferError::io(path, "cannot be read", error);
        let mut copy = self.file.file().try_clone().map_err(|error| failed(&error))?;
        let mut first_byte = [0];
        let length = copy.read(&mut first_byte).map_err(|error| failed(&error))?;
        // The first byte of gzip, or the zero byte that a crash of the machine may leave. Anything else is the file of
        // another program.
        if length > 0 && !matches!(first_byte, [0x1f | 0]) {
            return Err(TransferError::NotOurs(path.to_path_buf()));
        }
        let mut members = Members::from(copy, 0).map_err(|error| failed(&error))?;
        let Ok(Some(first)) = members.next() else { return Ok(None) };
        let header = header(path, &first.text).map_err(|_| TransferError::NotOurs(path.to_path_buf()))?;
        let mut state = ExportState::new(header);
        let mut kept = None;
        while let Ok(Some(member)) = members.next() {
            // A trailer is written again at the end, since the store may have changed.
            let Ok((Head::Batch(batch), _)) = head(path, &member.text) else { break };
            let names_a_place = batch.then.is_some();
            state.add(batch);
            if names_a_place {
                kept = Some((state.clone(), member.end));
            }
        }
        Ok(kept)
    }

    /// Continues what was found; what is behind it is cut off.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(crate) fn resumed(self, (state, end): (ExportState, u64)) -> Result<PartialExport, TransferError> {
        self.cut(state, end)
    }

    /// Begins a new export with this header.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(crate) fn begun(self, header: Header) -> Result<PartialExport, TransferError> {
        let mut part = self.cut(ExportState::new(header.clone()), 0)?;
        let text = part.line(&Head::Header(header))?;
        part.member(&text)?;
        Ok(part)
    }

    fn cut(self, state: ExportState, end: u64) -> Result<PartialExport, TransferError> {
        let Self { file, existing } = self;
        let mut part = PartialExport { file, existing, hash: Sha256::new(), state };
        part.rewind(end).map_err(|error| part.failed(&error))?;
        Ok(part)
    }
}
