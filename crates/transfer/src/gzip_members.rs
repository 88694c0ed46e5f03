//! Writes and reads a file of gzip members, one after the other, with the SHA-256 of all bytes before each. The last
//! one, the trailer, is not compressed, so that there is exactly one way to write it and every byte of it can be
//! compared.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

/// The largest member that is read. A batch of small rows and one large row has less than a quarter of it.
const MEMBER_MAX: u64 = 16 << 20;
const BUFFER: usize = 1 << 16;

/// Returns a compressed member with this text.
///
/// # Errors
/// Fails only if writing to a vector fails, which it does not.
pub(crate) fn compressed(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

/// Returns an uncompressed member with this text. Its bytes are determined by the text. Returns `None` if the text is
/// too long for one block.
pub(crate) fn stored(text: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?;
    let mut crc = Crc::new();
    crc.update(text);
    // Header: deflate, no flags, no time, unknown system. Then one stored block, which is the last.
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    member.extend(length.to_le_bytes());
    member.extend((!length).to_le_bytes());
    member.extend(text);
    member.extend(crc.sum().to_le_bytes());
    member.extend(u32::from(length).to_le_bytes());
    Some(member)
}

/// Why a member cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The file ends within it.
    CutOff,
    /// It is damaged.
    Damaged,
    /// Reading failed.
    Failed(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        if kind == ErrorKind::UnexpectedEof {
            return Self::CutOff;
        }
        // The kinds of error that the decoder returns for invalid bytes.
        let is_nonsense = matches!(kind, ErrorKind::InvalidInput | ErrorKind::InvalidData);
        if is_nonsense { Self::Damaged } else { Self::Failed(error) }
    }
}

/// One member, uncompressed.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its text.
    pub text: Vec<u8>,
    /// Its first byte in the file.
    pub start: u64,
    /// The first byte after it.
    pub end: u64,
    /// The hash of all bytes before it that were read.
    pub before: Sha256,
}

/// Reads one member after the other.
#[derive(Debug)]
pub(crate) struct Members(Counted);

impl Members {
    /// Starts to read at a position at which a member begins.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(crate) fn from(mut file: File, start: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        let inner = BufReader::with_capacity(BUFFER, file);
        Ok(Self(Counted { inner, hash: Sha256::new(), at: start }))
    }

    /// Returns the next member; `None` at the end of the file.
    ///
    /// # Errors
    /// Fails if the member is incomplete or damaged, or with the system's error.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, Unreadable> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let (start, before) = (self.0.at, self.0.hash.clone());
        let mut text = Vec::new();
        GzDecoder::new(&mut self.0).take(MEMBER_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MEMBER_MAX {
            return Err(Unreadable::Damaged);
        }
        Ok(Some(Member { text, start, end: self.0.at, before }))
    }
}

/// Counts and hashes the bytes that are read from the file.
#[derive(Debug)]
struct Counted {
    inner: BufReader<File>,
    hash: Sha256,
    at: u64,
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        let taken = self.inner.buffer().get(..amount).unwrap_or_default();
        self.hash.update(taken);
        self.at += taken.len() as u64;
        self.inner.consume(amount);
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
