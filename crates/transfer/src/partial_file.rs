//! The file that an export writes: beside its target as `…part` while it is unfinished, this process's alone, and under
//! its target's name only when it is whole and on the disk. After an interruption it says itself where to go on: behind
//! the last batch that is whole and names a place.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::TransferError;
use crate::format::{Batch, Counts, Head, Header, ReadCursor, Section, Trailer};
use crate::gzip_members::{self, Members};
use crate::rows::digits;
use crate::verify::{head, header};

/// Whether a file that is there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the export is refused.
    Stays,
    /// It is replaced.
    IsReplaced,
}

/// An unfinished export.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    existing: Existing,
    file: File,
    hash: Sha256,
    /// What was written so far.
    state: State,
}

/// How far an unfinished export has come.
#[derive(Debug, Clone)]
pub struct State {
    /// Its first member.
    pub header: Header,
    /// How many batches there are.
    pub batches: u64,
    /// How many rows are in them.
    pub rows: Counts,
    /// Where it goes on.
    pub then: ReadCursor,
    /// Where the events that were read end.
    pub last_event: Option<String>,
}

impl Part {
    /// Opens the unfinished file, empty or as it was left.
    ///
    /// # Errors
    /// The target is there and may not be replaced, somebody else is at it, or the system's.
    pub fn open(target: &Path, existing: Existing) -> Result<Opened, TransferError> {
        let failed = |error: &io::Error| TransferError::io(target, "cannot be written", error);
        if target.is_dir() {
            return Err(failed(&ErrorKind::IsADirectory.into()));
        }
        if existing == Existing::Stays && target.exists() {
            return Err(TransferError::Exists(target.to_path_buf()));
        }
        let mut name = OsString::from(target.as_os_str());
        name.push(".part");
        let path = PathBuf::from(name);
        let file = private().open(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(TransferError::UnderWay(target.to_path_buf())),
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        // Whoever had it until now may have finished it, and given it its name.
        if !is(&file, &path) {
            return Err(TransferError::UnderWay(target.to_path_buf()));
        }
        Ok(Opened { path, target: target.to_path_buf(), existing, file })
    }

    /// How far it has come.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where it is while it is unfinished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a batch: so many rows, already as lines.
    ///
    /// # Errors
    /// The system's.
    pub fn batch(
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
        self.state.follow(batch);
        Ok(())
    }

    /// Writes the end, and gives the file its name.
    ///
    /// # Errors
    /// The system's, or something is there by that name now.
    pub fn finish(mut self, changed_meanwhile: bool) -> Result<(State, u64), TransferError> {
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
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        let bytes = self.file.metadata().map_err(|error| self.failed(&error))?.len();
        // The name is taken without a look before, where that can be told.
        if self.existing == Existing::Stays {
            match fs::hard_link(&self.path, &self.target) {
                Ok(()) => fs::remove_file(&self.path).map_err(|error| self.failed(&error))?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Err(TransferError::Exists(self.target));
                }
                // A file system without second names.
                Err(_) => fs::rename(&self.path, &self.target).map_err(|error| self.failed(&error))?,
            }
        } else {
            fs::rename(&self.path, &self.target).map_err(|error| self.failed(&error))?;
        }
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| self.failed(&error))?;
        Ok((self.state, bytes))
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self) -> Result<(), TransferError> {
        self.file.sync_data().map_err(|error| self.failed(&error))
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
        self.file.write_all(member).map_err(|error| self.failed(&error))?;
        self.hash.update(member);
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> TransferError {
        TransferError::io(&self.path, "cannot be written", error)
    }
}

impl State {
    fn of(header: Header) -> Self {
        Self {
            header,
            batches: 0,
            rows: Counts::default(),
            then: ReadCursor::In(Section::ALL[0], None),
            last_event: None,
        }
    }

    fn follow(&mut self, batch: Batch) {
        self.batches = batch.number;
        *self.rows.of(batch.section) += batch.rows;
        if let Some(then) = batch.then {
            self.goes_on(then);
        }
    }

    /// From now on it goes on there.
    pub fn goes_on(&mut self, then: ReadCursor) {
        if let ReadCursor::In(Section::Events, Some(last)) = &then {
            self.last_event = Some(last.clone());
        }
        self.then = then;
    }
}

/// An unfinished file, locked, of which nobody has looked at the content yet.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    target: PathBuf,
    existing: Existing,
    file: File,
}

impl Opened {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was done before, and where that ends; none: nothing of use.
    ///
    /// # Errors
    /// It is of a newer version, or somebody else's; or the system's.
    pub fn found(&self) -> Result<Option<(State, u64)>, TransferError> {
        let failed = |error: &io::Error| TransferError::io(&self.path, "cannot be read", error);
        let mut copy = self.file.try_clone().map_err(|error| failed(&error))?;
        let mut begins = [0];
        let length = copy.read(&mut begins).map_err(|error| failed(&error))?;
        // The first byte of gzip, or what a crash of the machine leaves of it. Anything else is somebody's own file.
        if length > 0 && !matches!(begins, [0x1f | 0]) {
            return Err(TransferError::NotOurs(self.path.clone()));
        }
        let mut members = Members::from(copy, 0).map_err(|error| failed(&error))?;
        let Ok(Some(first)) = members.next() else { return Ok(None) };
        let header = header(&self.path, &first.text).map_err(|_| TransferError::NotOurs(self.path.clone()))?;
        let mut seen = State::of(header);
        let mut kept = None;
        while let Ok(Some(member)) = members.next() {
            // A trailer is written anew: what it says may not be so any more.
            let Ok((Head::Batch(batch), _)) = head(&self.path, &member.text) else { break };
            let names_a_place = batch.then.is_some();
            seen.follow(batch);
            if names_a_place {
                kept = Some((seen.clone(), member.end));
            }
        }
        Ok(kept)
    }

    /// Goes on with what was found; whatever is behind that is cut off.
    ///
    /// # Errors
    /// The system's.
    pub fn resumed(self, (state, end): (State, u64)) -> Result<Part, TransferError> {
        self.from(state, end)
    }

    /// A new export, with this header.
    ///
    /// # Errors
    /// The system's.
    pub fn anew(self, header: Header) -> Result<Part, TransferError> {
        let mut part = self.from(State::of(header.clone()), 0)?;
        let text = part.line(&Head::Header(header))?;
        part.member(&text)?;
        Ok(part)
    }

    /// Ends the file there, and goes on from there.
    fn from(self, state: State, end: u64) -> Result<Part, TransferError> {
        let Self { path, target, existing, file } = self;
        let mut part = Part { path, target, existing, file, hash: Sha256::new(), state };
        part.rewind(end).map_err(|error| part.failed(&error))?;
        Ok(part)
    }
}

impl Part {
    fn rewind(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut kept = BufReader::new(&self.file);
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
}

/// Nobody else's to read: it holds the metadata of every session, and the hashes of keys.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
    identity(file.metadata()) == identity(fs::metadata(path))
}

#[cfg(not(unix))]
fn is(_: &File, path: &Path) -> bool {
    path.exists()
}
