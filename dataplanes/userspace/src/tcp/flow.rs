//! One direction of a relayed connection.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::pipe::{Pipe, Pipes};
use super::stream::{Read, Stream};

/// One a thread instead of one a direction: between two polls only what the receiver did not take yet is kept.
const BUFFER: usize = 16 * 1024;

/// Copied bytes after which a direction is spliced. Short connections, which are most, are over by then, and two more
/// system calls and a pipe are not worth their while.
const SPLICE_AFTER: u64 = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// Lends the thread's buffer.
pub(super) fn with_scratch<T>(lent: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| lent(scratch))
}

/// From one socket to the other, as fast as the slower of them: nothing is read before what was read is written.
#[derive(Debug)]
pub(super) struct Flow {
    unwritten: Unwritten,
    /// How many bytes were written.
    pub(super) moved: u64,
    /// The receiver sends small segments at once (`TCP_NODELAY`).
    is_prompt: bool,
    /// More waits than the buffer holds, so splicing is worth its while: a small message costs less to copy.
    is_bulk: bool,
    /// `moved` when the pipe was taken.
    piped_from: u64,
    end: End,
}

/// Whose bytes go to whom.
pub(super) struct Ends<'a> {
    pub(super) from: &'a Stream,
    pub(super) to: &'a mut Stream,
}

/// Where the sender's end is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum End {
    Ahead,
    Read,
    PassedOn,
}

/// What was read and not yet written.
#[derive(Debug, Default)]
enum Unwritten {
    #[default]
    Nothing,
    Bytes {
        bytes: Box<[u8]>,
        written: usize,
    },
    Piped(Pipe),
}

impl Flow {
    /// To a client, whose socket is prompt as its listener is.
    pub(super) fn down() -> Self {
        Self {
            unwritten: Unwritten::Nothing,
            moved: 0,
            is_prompt: true,
            is_bulk: false,
            piped_from: 0,
            end: End::Ahead,
        }
    }

    /// To a backend that was sent so many of the first bytes already.
    pub(super) fn up(first: Vec<u8>, written: usize) -> Self {
        let mut flow = Self {
            moved: count(written),
            is_prompt: false,
            ..Self::down()
        };
        if written < first.len() {
            let bytes = first.into();
            flow.unwritten = Unwritten::Bytes { bytes, written };
        }
        flow
    }

    /// The sender's end was passed on.
    pub(super) fn has_ended(&self) -> bool {
        self.end == End::PassedOn
    }

    /// It is spliced from now on, as far as more comes at a time than the buffer holds.
    pub(super) fn is_long(&self) -> bool {
        self.moved >= SPLICE_AFTER
    }

    /// Moves what can be moved; ready once the end was passed on. If it is the `last` direction, closing both sockets does
    /// that.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        Ends { from, to }: Ends<'_>,
        last: bool,
        pipes: &Arc<Pipes>,
    ) -> Poll<io::Result<()>> {
        while !self.has_ended() {
            ready!(self.poll_write_rest(cx, to))?;
            if self.end == End::Ahead {
                match self.poll_read(cx, from, to, pipes) {
                    Poll::Ready(read) => {
                        if read?.ended {
                            self.end = End::Read;
                        }
                    }
                    Poll::Pending => {
                        self.give_pipe_back();
                        return Poll::Pending;
                    }
                }
            }
            if self.end == End::Read && !matches!(self.unwritten, Unwritten::Bytes { .. }) {
                self.unwritten = Unwritten::Nothing;
                self.end = End::PassedOn;
                if !last {
                    to.end()?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads, and if it copies already writes what the receiver takes at once.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &Stream,
        to: &mut Stream,
        pipes: &Arc<Pipes>,
    ) -> Poll<io::Result<Read>> {
        if self.is_bulk && self.is_long() && !matches!(self.unwritten, Unwritten::Piped(_)) {
            // Before a pipe is taken: most often a direction is looked at in vain.
            ready!(from.poll_readable(cx))?;
            self.unwritten = pipes.lend().map_or(Unwritten::Nothing, Unwritten::Piped);
            self.piped_from = self.moved;
        }
        if let Unwritten::Piped(pipe) = &mut self.unwritten {
            let filled = from.poll_read_by(cx, |socket| pipe.fill(socket));
            return filled.map_ok(|length| Read {
                length,
                ended: length == 0,
            });
        }
        with_scratch(|scratch| {
            let read = ready!(from.poll_read(cx, scratch))?;
            self.is_bulk = read.length == scratch.len();
            if read.length > 0 {
                self.write(cx, to, &scratch[..read.length], read.ended)?;
            }
            Poll::Ready(Ok(read))
        })
    }

    /// Nothing waits. Somebody else may use the pipe, which is empty, meanwhile.
    fn give_pipe_back(&mut self) {
        if matches!(self.unwritten, Unwritten::Piped(_)) {
            self.unwritten = Unwritten::Nothing;
            self.is_bulk = self.moved - self.piped_from >= count(BUFFER);
        }
    }

    /// Writes what the receiver takes at once, and holds the rest. The `last` bytes leave with the end that follows, in one
    /// segment.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Stream,
        bytes: &[u8],
        last: bool,
    ) -> io::Result<()> {
        self.be_prompt(to)?;
        let written = match to.poll_write(cx, bytes, last) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.moved += count(written);
        if written < bytes.len() {
            self.unwritten = Unwritten::Bytes {
                bytes: bytes[written..].into(),
                written: 0,
            };
        }
        Ok(())
    }

    /// Nothing delays the first segment; the ones after it would wait for its acknowledgement. The ends batch by themselves.
    fn be_prompt(&mut self, to: &Stream) -> io::Result<()> {
        if !self.is_prompt && self.moved > 0 {
            self.is_prompt = true;
            to.socket().set_tcp_nodelay(true)?;
        }
        Ok(())
    }

    fn poll_write_rest(&mut self, cx: &mut Context<'_>, to: &mut Stream) -> Poll<io::Result<()>> {
        match &mut self.unwritten {
            Unwritten::Nothing => {}
            Unwritten::Bytes {
                bytes: held,
                written,
            } => {
                while *written < held.len() {
                    let more = ready!(to.poll_write(cx, &held[*written..], false))?;
                    *written += more;
                    self.moved += count(more);
                }
                self.unwritten = Unwritten::Nothing;
            }
            Unwritten::Piped(pipe) => {
                while !pipe.is_empty() {
                    let drained = to.poll_write_by(cx, |socket| pipe.drain(socket));
                    self.moved += count(ready!(drained)?);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
