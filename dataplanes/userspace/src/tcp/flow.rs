//! One direction of a relayed connection.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::pipe::{Pipe, Pipes};

/// One a thread instead of one a direction: between two polls only what the receiver did not take yet is kept.
const BUFFER: usize = 16 * 1024;

/// Copied bytes after which a direction is spliced. Short connections, which are most, are over by then, and two more
/// system calls and a pipe are not worth their while.
const SPLICE_AFTER: u64 = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// From one socket to the other, as fast as the slower of them: nothing is read before what was read is written.
#[derive(Debug, Default)]
pub(super) struct Flow {
    held: Held,
    /// Bytes written.
    pub(super) moved: u64,
    /// The sender's end was passed on.
    pub(super) ended: bool,
}

/// What was read and not yet written.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Bytes {
        bytes: Box<[u8]>,
        written: usize,
    },
    Piped(Pipe),
}

impl Flow {
    /// Moves what can be moved; ready once the end was passed on. If it is the `last` direction, closing both sockets does
    /// that.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (mut from, mut to): (ReadHalf<'_>, WriteHalf<'_>),
        last: bool,
        pipes: &Arc<Pipes>,
    ) -> Poll<io::Result<()>> {
        while !self.ended {
            ready!(self.poll_write_held(cx, &mut to))?;
            let read = match self.poll_read(cx, &mut from, &mut to, pipes) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    // The pipe is empty; somebody else may use it meanwhile.
                    self.held = Held::Nothing;
                    return Poll::Pending;
                }
            };
            if read == 0 {
                self.held = Held::Nothing;
                self.ended = true;
                if !last {
                    ready!(Pin::new(&mut to).poll_shutdown(cx))?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads, and if it copies already writes what the receiver takes at once.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
        pipes: &Arc<Pipes>,
    ) -> Poll<io::Result<usize>> {
        if self.moved >= SPLICE_AFTER && !matches!(self.held, Held::Piped(_)) {
            // Before a pipe is taken: most often a direction is looked at in vain.
            ready!(from.as_ref().poll_read_ready(cx))?;
            self.held = pipes.lend().map_or(Held::Nothing, Held::Piped);
        }
        if let Held::Piped(pipe) = &mut self.held {
            let from = from.as_ref();
            return poll_io(cx, from, Interest::READABLE, || pipe.fill(from));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(from).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            if read.is_empty() {
                return Poll::Ready(Ok(0));
            }
            let written = match Pin::new(to).poll_write(cx, read) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.moved += bytes(written);
            if written < read.len() {
                self.held = Held::Bytes {
                    bytes: read[written..].into(),
                    written: 0,
                };
            }
            Poll::Ready(Ok(read.len()))
        })
    }

    fn poll_write_held(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut WriteHalf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.held {
            Held::Nothing => {}
            Held::Bytes {
                bytes: held,
                written,
            } => {
                while *written < held.len() {
                    let more = ready!(Pin::new(&mut *to).poll_write(cx, &held[*written..]))?;
                    *written += more;
                    self.moved += bytes(more);
                }
                self.held = Held::Nothing;
            }
            Held::Piped(pipe) => {
                let to = to.as_ref();
                while !pipe.is_empty() {
                    let more = ready!(poll_io(cx, to, Interest::WRITABLE, || pipe.drain(to)))?;
                    self.moved += bytes(more);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Tries until it succeeds, fails, or the task was told to be woken when it may.
fn poll_io(
    cx: &mut Context<'_>,
    stream: &TcpStream,
    interest: Interest,
    mut operation: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(if interest.is_readable() {
            stream.poll_read_ready(cx)
        } else {
            stream.poll_write_ready(cx)
        })?;
        match stream.try_io(interest, &mut operation) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return Poll::Ready(outcome),
        }
    }
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
