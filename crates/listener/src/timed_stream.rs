//! A connection's bytes, with the deadlines that the framework does not know: a request's head must come in time, also when
//! it is not the connection's first, and an answer must be taken in time. What the framework says without words
//! (`protocol_errors`) gets them here.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use crate::connection_info::Connection;
use crate::connections::Guard;
use crate::protocol_errors::{self, ErrorBody};
use crate::timeouts::{HEAD_TIMEOUT, WRITE_TIMEOUT};

/// What the bytes go over.
pub(crate) enum Transport {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// One connection.
pub(crate) struct TimedStream {
    transport: Transport,
    connection: Rc<Connection>,
    peer: Option<SocketAddr>,
    /// What we say ourselves, before anything else goes out.
    words: Vec<u8>,
    said: usize,
    /// Since when bytes come that belong to no request yet, and how many requests had begun then.
    head: Option<(Instant, u64)>,
    /// Since when nothing goes out.
    write_blocked_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    error_body: ErrorBody,
    _open: Guard,
}

impl TimedStream {
    pub(crate) fn new(transport: Transport, peer: Option<SocketAddr>, open: Guard, error_body: ErrorBody) -> Self {
        let secure = matches!(transport, Transport::Secure(_));
        Self {
            transport,
            connection: Rc::new(Connection::new(secure)),
            peer,
            words: Vec::new(),
            said: 0,
            head: None,
            write_blocked_since: None,
            timer: None,
            error_body,
            _open: open,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    fn write_half(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream),
            Transport::Secure(stream) => Pin::new(stream),
        }
    }

    /// Whether this moment has come; if not, the task is woken when it does. The timer is set anew only when it must be:
    /// most moments pass by while the next request is already here.
    fn has_come(&mut self, moment: Instant, cx: &mut Context<'_>) -> bool {
        if Instant::now() >= moment {
            return true;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if timer.deadline() > moment {
            timer.as_mut().reset(moment);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= moment {
                return true;
            }
            timer.as_mut().reset(moment);
        }
        false
    }

    /// Whether a head has been on its way for too long.
    fn is_head_late(&mut self, cx: &mut Context<'_>) -> bool {
        match self.head {
            Some((since, begun)) if begun == self.connection.begun() => self.has_come(since + HEAD_TIMEOUT, cx),
            _ => {
                self.head = None;
                false
            }
        }
    }

    /// Notes whether something went out.
    fn noted<T>(&mut self, wrote: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.write_blocked_since = None;
            return wrote;
        }
        let since = *self.write_blocked_since.get_or_insert_with(Instant::now);
        if self.has_come(since + WRITE_TIMEOUT, cx) {
            return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "nobody takes the answer")));
        }
        Poll::Pending
    }

    /// Says what we have to say ourselves.
    fn write_pending_error(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.said < self.words.len() {
            let (words, said) = (std::mem::take(&mut self.words), self.said);
            let wrote = self.write_half().poll_write(cx, &words[said..]);
            self.words = words;
            self.said += ready!(self.noted(wrote, cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn queue_error(&mut self, words: Vec<u8>) {
        (self.words, self.said) = (words, 0);
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut io.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        let is_quiet = !io.connection.is_busy();
        match read {
            Poll::Ready(Ok(())) if buf.filled().len() > before && is_quiet => {
                // A late byte does not complete a head: the next check reports the timeout.
                let begun = io.connection.begun();
                if io.head.is_none_or(|(_, then)| then != begun) {
                    io.head = Some((Instant::now(), begun));
                } else if io.is_head_late(cx) {
                    io.queue_error(protocol_errors::late(io.peer, io.error_body));
                    buf.set_filled(before);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending if is_quiet && io.is_head_late(cx) => {
                io.queue_error(protocol_errors::late(io.peer, io.error_body));
                // As if the client had ended: the framework closes.
                Poll::Ready(Ok(()))
            }
            read @ (Poll::Ready(_) | Poll::Pending) => read,
        }
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        ready!(io.write_pending_error(cx))?;
        if !io.connection.is_busy()
            && let Some(words) = protocol_errors::rewrite_error(buf, io.peer, io.error_body)
        {
            io.queue_error(words);
            return Poll::Ready(Ok(buf.len()));
        }
        let wrote = io.write_half().poll_write(cx, buf);
        io.noted(wrote, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        ready!(io.write_pending_error(cx))?;
        let flushed = io.write_half().poll_flush(cx);
        io.noted(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        ready!(io.write_pending_error(cx))?;
        let shut = io.write_half().poll_shutdown(cx);
        io.noted(shut, cx)
    }
}

#[cfg(test)]
mod tests;
