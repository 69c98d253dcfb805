//! System calls without a safe wrapper in the crates at hand; all unsafe code of this crate.

#![expect(unsafe_code, reason = "system calls that take pointers")]

mod batch;
mod run;
mod watched;

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::libc::{self, c_int, sa_family_t, sockaddr, socklen_t, tcp_info};
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
    // SAFETY: all its fields are integers.
    unsafe { option(stream, libc::IPPROTO_TCP, libc::TCP_INFO) }
}

/// How many datagrams the kernel threw away that were for this socket, as its buffer was full (`SO_MEMINFO`).
pub(crate) fn overflowed(socket: &impl AsFd) -> io::Result<u32> {
    /// `SK_MEMINFO_VARS` figures, the last of them `SK_MEMINFO_DROPS`.
    type MemInfo = [u32; 9];
    // SAFETY: all its items are integers.
    let info: MemInfo = unsafe { option(socket, libc::SOL_SOCKET, libc::SO_MEMINFO)? };
    Ok(info[8])
}

/// What the kernel says of a socket.
///
/// # Safety
/// Any octets are a valid `T`.
unsafe fn option<T>(socket: &impl AsFd, level: c_int, name: c_int) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = length_of::<T>();
    // SAFETY: the pointers are valid for the call and `length` is the size of what `value` has room for; the kernel writes at
    // most that much. What it leaves out is valid as zeros, as the caller promises.
    let (failed, value) = unsafe {
        let failed = libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        );
        (failed, value.assume_init())
    };
    if failed == 0 {
        Ok(value)
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
