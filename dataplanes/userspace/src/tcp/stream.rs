//! A socket of a relayed connection, as its two directions use it.
//!
//! Not tokio's `TcpStream`: that says neither whether the end of a stream has arrived already, nor lets it be connected and
//! written to before it is registered.

use std::io::{self, Read as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use nix::libc::{MSG_MORE, MSG_NOSIGNAL};
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::sys::watch;

#[derive(Debug)]
pub(super) struct Stream(AsyncFd<Socket>);

/// What a read found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) length: usize,
    /// Nothing comes after it.
    pub(super) ended: bool,
}

impl Stream {
    /// Its events arrive at the runtime that this is called on.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self(watch(
            socket,
            Interest::READABLE | Interest::WRITABLE,
        )?))
    }

    pub(super) fn socket(&self) -> &Socket {
        self.0.get_ref()
    }

    /// Until a connection that was begun is there, or failed.
    pub(super) async fn connected(&self) -> io::Result<()> {
        self.0.writable().await?.retain_ready();
        self.socket().take_error()?.map_or(Ok(()), Err)
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx).map_ok(|_| ())
    }

    /// Reads what there is. If the kernel has told that the end has arrived, it is looked for at once.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Read>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
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

    /// Writes what the kernel takes. `more`: it may wait for what follows at once.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Interest::WRITABLE, |socket| write(socket, bytes, more))
    }

    /// Tries until it succeeds, fails, or the task was told to be woken when it may.
    pub(super) fn poll_io(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(if interest.is_readable() {
                self.0.poll_read_ready(cx)
            } else {
                self.0.poll_write_ready(cx)
            })?;
            if let Ok(outcome) = guard.try_io(|watched| operation(watched.get_ref())) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Passes on an end.
    pub(super) fn end(&self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

/// One attempt.
pub(super) fn write(socket: &Socket, bytes: &[u8], more: bool) -> io::Result<usize> {
    let flags = if more { MSG_MORE } else { 0 };
    socket.send_with_flags(bytes, flags | MSG_NOSIGNAL)
}
