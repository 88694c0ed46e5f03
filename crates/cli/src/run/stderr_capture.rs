//! The command's stderr: passed on byte for byte, with its last part kept for the failure message. When our own stderr
//! is a terminal the command gets a pseudo-terminal, so that it colours and redraws as it would without us.

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

/// What is kept of the output, in bytes: enough for the message even where much of it is colour.
const KEPT: usize = 32 * 1024;
const CHUNK: usize = 64 * 1024;
/// The output of an ended command is complete once nothing came for this long, in milliseconds: a process that the
/// command left behind may hold the other end.
const QUIET: u8 = 100;
/// The longest that a talkative process left behind is listened to.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

/// The last bytes that went through.
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

    /// What is kept.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// The command's end of its stderr, before the command exists.
pub(crate) struct Ends {
    /// What the command writes to.
    pub theirs: Stdio,
    ours: OwnedFd,
    screen: Option<OwnedFd>,
}

impl Ends {
    /// A pseudo-terminal where our stderr is a terminal, a pipe elsewhere.
    ///
    /// # Errors
    /// The operating system's, when it has no more descriptors.
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
        // The real terminal does what a terminal does to output; here every byte passes as it is.
        let mut modes = tcgetattr(&ends.slave)?;
        cfmakeraw(&mut modes);
        tcsetattr(&ends.slave, SetArg::TCSANOW, &modes)?;
        let screen = ends.master.try_clone()?;
        copy_size(&screen);
        Ok(Self { theirs: ends.slave.into(), ours: ends.master, screen: Some(screen) })
    }
}

/// Gives the pseudo-terminal the size of the real one.
fn copy_size(screen: &OwnedFd) {
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stderr()) {
        // A size that cannot be set is the one from before: still a size.
        rustix::termios::tcsetwinsize(screen, size).ok();
    }
}

/// The thread that passes the output on.
pub(crate) struct Tee {
    /// The last of what went through.
    pub tail: Tail,
    screen: Option<OwnedFd>,
    ended: Option<PipeWriter>,
    done: oneshot::Receiver<()>,
}

impl Tee {
    /// Begins to pass on what comes.
    ///
    /// # Errors
    /// The operating system's, when it has no more descriptors or threads.
    pub(crate) fn start(ours: OwnedFd, screen: Option<OwnedFd>) -> io::Result<Self> {
        let (told, ended) = pipe()?;
        let (finished, done) = oneshot::channel();
        let tail = Tail::default();
        let kept = tail.clone();
        thread::Builder::new().name("stderr".to_owned()).spawn(move || {
            // A reader of our stderr that has gone is nothing to report: there is nowhere to report it to.
            pass_on(File::from(ours), &told.into(), &kept).ok();
            finished.send(()).ok();
        })?;
        Ok(Self { tail, screen, ended: Some(ended), done })
    }

    /// The terminal has another size.
    pub(crate) fn resized(&self) {
        self.screen.iter().for_each(copy_size);
    }

    /// The command has ended: returns when everything that it wrote has been passed on.
    pub(crate) async fn finish(&mut self) {
        drop(self.ended.take());
        // An error means that the thread is gone, and with it all that it had to do.
        (&mut self.done).await.ok();
    }
}

impl Ends {
    /// Splits off the command's end.
    pub(crate) fn split(self) -> (Stdio, impl FnOnce() -> io::Result<Tee>) {
        let Self { theirs, ours, screen } = self;
        (theirs, move || Tee::start(ours, screen))
    }
}

fn pass_on(mut source: File, told: &OwnedFd, tail: &Tail) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut ended: Option<Instant> = None;
    loop {
        let (came, over) = {
            let mut ends =
                [PollFd::new(source.as_fd(), PollFlags::POLLIN), PollFd::new(told.as_fd(), PollFlags::POLLIN)];
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
                // A pseudo-terminal reports this when no process holds its other end.
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

/// Writes to our stderr, which another program may have made non-blocking.
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
