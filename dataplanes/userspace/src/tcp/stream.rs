//! A socket of a relayed connection, as its two directions use it.
//!
//! Not tokio's `TcpStream`: that says neither whether the end of a stream has arrived already, nor lets it be connected and
//! written to before it is registered.

use std::io::{self, Read as _};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use nix::libc::{MSG_MORE, MSG_NOSIGNAL};
use socket2::Socket;
use tokio::io::Interest;

use crate::sys::Watched;

#[derive(Debug)]
pub(super) struct Stream {
    watched: Watched,
    /// It had no room once, and is watched for that since. Until then there is no event that only says that there is some.
    waits_for_room: bool,
}

/// What a read found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) length: usize,
    /// Nothing comes after it.
    pub(super) ended: bool,
}

impl Stream {
    /// Its events arrive at the runtime that this is called on.
    pub(super) fn connected(socket: Socket) -> io::Result<Self> {
        Ok(Self {
            watched: Watched::new(socket, Interest::READABLE)?,
            waits_for_room: false,
        })
    }

    /// Waits until a connection that was begun is there, or failed.
    pub(super) async fn connecting(socket: Socket) -> io::Result<Self> {
        let watched = Watched::new(socket, Interest::READABLE | Interest::WRITABLE)?;
        watched.registration()?.writable().await?.retain_ready();
        watched.socket().take_error()?.map_or(Ok(()), Err)?;
        Ok(Self {
            watched,
            waits_for_room: true,
        })
    }

    pub(super) fn socket(&self) -> &Socket {
        self.watched.socket()
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let registration = self.watched.registration()?;
        registration.poll_read_ready(cx).map_ok(|_| ())
    }

    /// Reads what there is. If the kernel has told that the end has arrived, it is looked for at once.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Read>> {
        let registration = self.watched.registration()?;
        loop {
            let mut guard = ready!(registration.poll_read_ready(cx))?;
            let length = match self.socket().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    guard.clear_ready();
                    continue;
                }
                received => received?,
            };
            let mut read = Read {
                length,
                ended: length == 0,
            };
            if read.ended || length == buffer.len() {
                return Poll::Ready(Ok(read));
            }
            if guard.ready().is_read_closed() {
                match self.socket().read(&mut buffer[length..]) {
                    Ok(0) => read.ended = true,
                    Ok(more) => read.length += more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            } else {
                // A short read took all there was; what arrives from now on is told again.
                guard.clear_ready();
            }
            return Poll::Ready(Ok(read));
        }
    }

    /// Another way to read: tries until it succeeds, fails, or the task was told to be woken when it may.
    pub(super) fn poll_read_by(
        &self,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let registration = self.watched.registration()?;
        loop {
            let mut guard = ready!(registration.poll_read_ready(cx))?;
            if let Ok(outcome) = guard.try_io(|_| operation(self.socket())) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Writes what the kernel takes. `more`: it may wait for what follows at once.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        self.poll_write_by(cx, |socket| write(socket, bytes, more))
    }

    /// Another way to write.
    pub(super) fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if !self.waits_for_room {
            match operation(self.socket()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room(cx)?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
        let registration = self.watched.registration()?;
        loop {
            let mut guard = ready!(registration.poll_write_ready(cx))?;
            if let Ok(outcome) = guard.try_io(|_| operation(self.socket())) {
                return Poll::Ready(outcome);
            }
        }
    }

    fn wait_for_room(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.waits_for_room = true;
        self.watched
            .watch(Interest::READABLE | Interest::WRITABLE)?;
        // The direction that reads here waits with the registration before.
        cx.waker().wake_by_ref();
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.watched.ignore();
    }

    pub(super) fn arrive(&mut self) -> io::Result<()> {
        let interest = if self.waits_for_room {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        self.watched.watch(interest)
    }

    /// Passes on an end.
    pub(super) fn end(&self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }
}

/// One attempt.
pub(super) fn write(socket: &Socket, bytes: &[u8], more: bool) -> io::Result<usize> {
    let flags = if more { MSG_MORE } else { 0 };
    socket.send_with_flags(bytes, flags | MSG_NOSIGNAL)
}
