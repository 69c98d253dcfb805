//! Sockets whose events arrive at a runtime.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A socket and its registration, which can be made anew.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Dropped before the socket.
    registration: Option<AsyncFd<RawFd>>,
    socket: Socket,
}

impl Watched {
    /// Its events arrive at the runtime that this is called on.
    pub(crate) fn new(socket: Socket, interest: Interest) -> io::Result<Self> {
        let mut watched = Self {
            registration: None,
            socket,
        };
        watched.watch(interest)?;
        Ok(watched)
    }

    /// From now on these events are waited for; what is the case already is told again.
    pub(crate) fn watch(&mut self, interest: Interest) -> io::Result<()> {
        self.ignore();
        let descriptor = self.socket.as_raw_fd();
        // SAFETY: the descriptor is the socket's, which is neither closed nor given away before the registration is dropped.
        let registered = unsafe { AsyncFd::register_with_interest(descriptor, interest) };
        self.registration = Some(registered?);
        Ok(())
    }

    /// From now on no events are waited for.
    pub(crate) fn ignore(&mut self) {
        self.registration = None;
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn registration(&self) -> io::Result<&AsyncFd<RawFd>> {
        let missing = || io::ErrorKind::NotConnected.into();
        self.registration.as_ref().ok_or_else(missing)
    }
}
