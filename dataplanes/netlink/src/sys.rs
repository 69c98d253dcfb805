//! The two things for which there is no safe interface; all of this crate's `unsafe` is here.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::Socket;
use tokio::io::unix::AsyncFd;

/// Sets a socket option whose value is an `int`.
pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<i32>()).expect("four bytes");
    #[expect(unsafe_code, reason = "setsockopt(2) takes a pointer")]
    // SAFETY: the pointer is to a live `i32`, the length is its size, and the call keeps neither.
    let outcome = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            length,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has the tokio runtime of the caller watch a socket.
pub(crate) fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    #[expect(
        unsafe_code,
        reason = "a type might give another descriptor at every call"
    )]
    // SAFETY: a `Socket` owns one descriptor, gives that one always, and closes it when it is dropped.
    let watched = unsafe { AsyncFd::register(socket) };
    watched.map_err(io::Error::from)
}
