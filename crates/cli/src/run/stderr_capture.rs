//! Passes the command's stderr on byte for byte, and keeps its last part for the error message. If the runner's stderr
//! is a terminal, the command gets a pseudo-terminal, so that it uses colours and redraws as it would without the
//! runner.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

/// The number of bytes that are kept: enough for the message even if much of it is colour codes.
const KEPT: usize = 32 * 1024;
const CHUNK: usize = 64 * 1024;
/// After the command has ended, its output counts as finished once nothing arrives for this long, in milliseconds: a
/// process that the command left behind may still hold the other end.
const QUIET: u8 = 100;
/// After the command has ended, its output is read no longer than this, whatever processes it left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

/// The last bytes of the output.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let over = (kept.len() + bytes.len()).saturating_sub(KEPT);
        kept.drain(..over);
        kept.extend(bytes);
    }

    /// Returns the kept bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Both ends of the command's stderr, before the command is started.
pub(crate) struct Ends {
    /// The end that the command writes to.
    pub theirs: Stdio,
    ours: OwnedFd,
    screen: Option<OwnedFd>,
}

impl Ends {
    /// Opens a pseudo-terminal if the runner's stderr is a terminal, otherwise a pipe.
    ///
    /// # Errors
    /// Fails if there are no more descriptors.
    pub(crate) fn open() -> io::Result<Self> {
        if io::stderr().is_terminal()
            && let Ok(ends) = Self::pseudo_terminal()
        {
            return Ok(ends);
        }
        let (ours, theirs) = pipe()?;
        Ok(Self { theirs: theirs.into(), ours: ours.into(), screen: None })
    }

    fn pseudo_terminal() -> io::Result<Self> {
        let ends = openpty(None, None)?;
        for end in [&ends.master, &ends.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        // The real terminal translates output; the pseudo-terminal passes every byte unchanged.
        let mut modes = tcgetattr(&ends.slave)?;
        cfmakeraw(&mut modes);
        tcsetattr(&ends.slave, SetArg::TCSANOW, &modes)?;
        let screen = ends.master.try_clone()?;
        copy_size(&screen);
        Ok(Self { theirs: ends.slave.into(), ours: ends.master, screen: Some(screen) })
    }
}

/// Copies the size of the real terminal to the pseudo-terminal.
fn copy_size(screen: &OwnedFd) {
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stderr()) {
        // On failure the previous size remains.
        rustix::termios::tcsetwinsize(screen, size).ok();
    }
}

/// The thread that passes the output on.
pub(crate) struct Tee {
    /// The last part of the output.
    pub tail: Tail,
    screen: Option<OwnedFd>,
    ended: Option<PipeWriter>,
    done: oneshot::Receiver<()>,
}

impl Tee {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails if there are no more descriptors or threads.
    pub(crate) fn start(ours: OwnedFd, screen: Option<OwnedFd>) -> io::Result<Self> {
        let (end_reader, ended) = pipe()?;
        let (finished, done) = oneshot::channel();
        let tail = Tail::default();
        let kept = tail.clone();
        thread::Builder::new().name("stderr".to_owned()).spawn(move || {
            // Fails if the reader of the runner's stderr is gone: then there is no place to report that either.
            pass_on(File::from(ours), &end_reader.into(), &kept).ok();
            finished.send(()).ok();
        })?;
        Ok(Self { tail, screen, ended: Some(ended), done })
    }

    /// Passes on a change of the terminal's size.
    pub(crate) fn resized(&self) {
        self.screen.iter().for_each(copy_size);
    }

    /// Returns when everything that the ended command wrote has been passed on.
    pub(crate) async fn finish(&mut self) {
        drop(self.ended.take());
        // An error means that the thread has ended.
        (&mut self.done).await.ok();
    }
}

impl Ends {
    /// Separates the command's end from the runner's.
    pub(crate) fn split(self) -> (Stdio, impl FnOnce() -> io::Result<Tee>) {
        let Self { theirs, ours, screen } = self;
        (theirs, move || Tee::start(ours, screen))
    }
}

fn pass_on(mut source: File, end_reader: &OwnedFd, tail: &Tail) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut ended: Option<Instant> = None;
    loop {
        let (came, over) = {
            let mut ends =
                [PollFd::new(source.as_fd(), PollFlags::POLLIN), PollFd::new(end_reader.as_fd(), PollFlags::POLLIN)];
            let watched = if ended.is_some() { &mut ends[..1] } else { &mut ends[..] };
            match poll(watched, if ended.is_some() { QUIET.into() } else { PollTimeout::NONE }) {
                Err(nix::errno::Errno::EINTR) => continue,
                result => result?,
            };
            (ends[0].any() == Some(true), ended.is_none() && ends[1].any() == Some(true))
        };
        if over {
            ended = Some(Instant::now());
        }
        if came {
            let read = match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // A pseudo-terminal reports this error when its other end is closed.
                Err(_) => return Ok(()),
            };
            tail.keep(&buffer[..read]);
            write_all(&buffer[..read])?;
        } else if ended.is_some() && !over {
            return Ok(());
        }
        if ended.is_some_and(|since| since.elapsed() > LEFT_BEHIND) {
            return Ok(());
        }
    }
}

/// Writes to the runner's stderr, which another program may have made non-blocking.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    while !bytes.is_empty() {
        match stderr.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
