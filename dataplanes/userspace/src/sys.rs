//! System calls without a safe wrapper in the crates at hand; all unsafe code of this crate.

#![expect(unsafe_code, reason = "system calls that take pointers")]

mod batch;
mod run;
mod watched;

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::libc::{self, sa_family_t, sockaddr, socklen_t, tcp_info};
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) use batch::{BATCH, Batch};
pub(crate) use run::Run;
pub(crate) use watched::Watched;

/// Many sockets as one: readable while one of them is.
pub(crate) struct Sockets(pub(crate) Epoll);

impl Sockets {
    pub(crate) fn new() -> io::Result<AsyncFd<Self>> {
        let sockets = Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?);
        // SAFETY: the descriptor belongs to `Sockets`, which keeps it open and always names the same one.
        let registered = unsafe { AsyncFd::register_with_interest(sockets, Interest::READABLE) };
        Ok(registered?)
    }
}

impl AsRawFd for Sockets {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

/// What the kernel knows of a connection (`TCP_INFO`).
pub(crate) fn info(stream: &impl AsFd) -> io::Result<tcp_info> {
    let mut info = MaybeUninit::<tcp_info>::zeroed();
    let mut length = length_of::<tcp_info>();
    // SAFETY: the pointers are valid for the call and `length` is the size of what `info` has room for; the kernel writes at
    // most that much. All fields are integers, so what it leaves out is valid as zeros.
    let (failed, info) = unsafe {
        let failed = libc::getsockopt(
            stream.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        );
        (failed, info.assume_init())
    };
    if failed == 0 {
        Ok(info)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Takes a connected UDP socket's peer and port from it (`AF_UNSPEC`, see `connect(2)`); the next connection has another port.
pub(crate) fn disconnect(socket: &impl AsFd) -> io::Result<()> {
    let nobody = sockaddr {
        sa_family: sa_family_t::try_from(libc::AF_UNSPEC).unwrap_or_default(),
        sa_data: [0; 14],
    };
    // SAFETY: the pointer is valid for the call, with its true length; the kernel only reads it.
    let failed = unsafe {
        libc::connect(
            socket.as_fd().as_raw_fd(),
            &raw const nobody,
            length_of::<sockaddr>(),
        )
    };
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn length_of<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).expect("some 100 bytes")
}
