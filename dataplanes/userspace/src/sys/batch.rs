//! Many datagrams a system call.
//!
//! nix's wrappers of `recvmmsg` and `sendmmsg` can't be used twice with the same headers (they leave the length of the
//! control buffer as the kernel wrote it), and quinn-udp forbids fragments on every socket and sends one message a call.

#![expect(unsafe_code, reason = "system calls that take pointers")]

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;

use nix::libc::{
    self, CMSG_DATA, CMSG_FIRSTHDR, CMSG_LEN, CMSG_SPACE, SOL_UDP, UDP_GRO, UDP_SEGMENT, c_int,
    iovec, mmsghdr, msghdr,
};
use socket2::{SockAddr, SockAddrStorage};

use super::length_of;
use super::run::{LONGEST, Message, Run};

/// Messages of one call.
pub(crate) const BATCH: usize = 32;

/// Room for one control message with a number: `CMSG_SPACE(sizeof(int))` is 24 or less everywhere.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 32]);

const CONTROL: usize = size_of::<Control>();

/// Room for [`BATCH`] messages, and those that it holds. The kernel gives it memory as far as it is used.
pub(crate) struct Batch {
    buffers: Vec<u8>,
    messages: Vec<Message>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![0; BATCH * LONGEST],
            messages: Vec::with_capacity(BATCH),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.messages.clear();
    }

    pub(crate) fn room(&self) -> usize {
        BATCH - self.messages.len()
    }

    /// What it holds, as it may leave.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let mut first = 0;
        std::iter::from_fn(move || {
            let messages = self.messages.get(first..).filter(|left| !left.is_empty())?;
            let run = Run::first_of(messages, &self.buffers[first * LONGEST..]);
            first += run.messages.len();
            Some(run)
        })
    }

    /// Receives up to `most` messages behind those it holds; how many.
    pub(crate) fn receive(&mut self, socket: &impl AsFd, most: usize) -> io::Result<usize> {
        let (held, most) = (self.messages.len(), most.min(self.room()));
        // SAFETY: all of these are plain data, for which zeros are valid.
        let (mut headers, mut vectors, mut controls) = unsafe {
            let headers: [mmsghdr; BATCH] = zeroed();
            let vectors: [iovec; BATCH] = zeroed();
            let controls: [Control; BATCH] = zeroed();
            (headers, vectors, controls)
        };
        let mut names = [const { MaybeUninit::<SockAddrStorage>::uninit() }; BATCH];
        let buffers = self.buffers.chunks_exact_mut(LONGEST).skip(held);
        for (index, buffer) in buffers.take(most).enumerate() {
            vectors[index].iov_base = buffer.as_mut_ptr().cast();
            vectors[index].iov_len = LONGEST;
            names[index].write(SockAddrStorage::zeroed());
            let header = &mut headers[index].msg_hdr;
            header.msg_name = names[index].as_mut_ptr().cast();
            header.msg_namelen = length_of::<SockAddrStorage>();
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
        }
        // SAFETY: the first `most` headers point to names, vectors, buffers and control buffers that live until after the
        // call, with their true lengths.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                u32::try_from(most).expect("at most a batch"),
                libc::MSG_DONTWAIT,
                null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for (header, name) in headers[..received].iter().zip(names) {
            // SAFETY: the first `most` names are initialized, and the kernel wrote an address of this length.
            let peer = unsafe { SockAddr::new(name.assume_init(), header.msg_hdr.msg_namelen) };
            let length = header.msg_len as usize;
            self.messages.push(Message {
                // Of a connected socket nobody asks.
                peer: peer.as_socket().unwrap_or_else(|| ([0; 4], 0).into()),
                length,
                segment: segment(&header.msg_hdr).unwrap_or(length),
            });
        }
        Ok(received)
    }

    /// From here on the message goes to this peer.
    pub(crate) fn address(&mut self, index: usize, peer: SocketAddr) {
        self.messages[index].peer = peer;
    }

    /// Sends all to their peers. For those that can't be sent `failed` is called; it goes on with the next.
    pub(crate) fn send(&self, socket: &impl AsFd, mut failed: impl FnMut(Run<'_>, io::Error)) {
        let runs: Vec<_> = self.runs().collect();
        let mut left = &runs[..];
        while let Some((first, others)) = left.split_first() {
            match send(socket, left) {
                Ok(sent) => left = &left[sent.clamp(1, left.len())..],
                Err(error) => {
                    failed(*first, error);
                    left = others;
                }
            }
        }
    }
}

/// Sends what the kernel takes in one call of these runs of one batch; how many.
fn send(socket: &impl AsFd, runs: &[Run<'_>]) -> io::Result<usize> {
    // SAFETY: all of these are plain data, for which zeros are valid.
    let (mut headers, mut vectors, mut controls) = unsafe {
        let headers: [mmsghdr; BATCH] = zeroed();
        let vectors: [iovec; BATCH] = zeroed();
        let controls: [Control; BATCH] = zeroed();
        (headers, vectors, controls)
    };
    let mut names: [Option<SockAddr>; BATCH] = [const { None }; BATCH];
    let mut count: u32 = 0;
    let mut free = &mut vectors[..];
    for (index, run) in runs.iter().enumerate() {
        let (own, others) = free.split_at_mut(run.messages.len());
        free = others;
        for (vector, payload) in own.iter_mut().zip(run.payloads()) {
            vector.iov_base = payload.as_ptr().cast_mut().cast();
            vector.iov_len = payload.len();
        }
        let name = names[index].insert(run.peer().into());
        let header = &mut headers[index].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = own.as_mut_ptr();
        header.msg_iovlen = own.len() as _;
        if run.count() > 1 {
            header.msg_control = controls[index].0.as_mut_ptr().cast();
            put_segment(header, run.segment());
        }
        count += 1;
    }
    // SAFETY: the first `count` headers point to names, vectors, payloads and control buffers that live until after the
    // call, with their true lengths; the kernel only reads them.
    let sent =
        unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), headers.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// What `UDP_GRO` says about a received message.
fn segment(header: &msghdr) -> Option<usize> {
    // SAFETY: the kernel wrote control messages of the length that the header has; the first of them is read if it is there
    // and of the kind whose data is an int.
    let number = unsafe {
        let control = CMSG_FIRSTHDR(header);
        let control = control.as_ref()?;
        if control.cmsg_level != SOL_UDP || control.cmsg_type != UDP_GRO {
            return None;
        }
        CMSG_DATA(control).cast::<c_int>().read_unaligned()
    };
    usize::try_from(number).ok()
}

/// Has the kernel cut a message into datagrams (`UDP_SEGMENT`). The header has a control buffer of [`CONTROL`] bytes.
fn put_segment(header: &mut msghdr, segment: usize) {
    let Ok(segment) = u16::try_from(segment) else {
        return;
    };
    // SAFETY: CMSG_SPACE(2) fits into the control buffer, which is aligned as `cmsghdr` has to be.
    unsafe {
        header.msg_controllen = CMSG_SPACE(2) as _;
        let control = CMSG_FIRSTHDR(header);
        (*control).cmsg_level = SOL_UDP;
        (*control).cmsg_type = UDP_SEGMENT;
        (*control).cmsg_len = CMSG_LEN(2) as _;
        CMSG_DATA(control).cast::<u16>().write_unaligned(segment);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};

    use super::*;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        setsockopt(&socket, UdpGroSegment, &true).unwrap();
        socket
    }

    #[test]
    fn messages_go_through_a_batch_and_back_whole() {
        let (left, right) = (socket(), socket());
        let (here, there) = (left.local_addr().unwrap(), right.local_addr().unwrap());
        for payload in [&b""[..], b"a", &vec![7; 60_000]] {
            left.send_to(payload, there).unwrap();
        }
        let mut batch = Batch::new();
        assert_eq!(batch.receive(&right, 2).unwrap(), 2);
        assert_eq!(batch.receive(&right, BATCH).unwrap(), 1);
        assert_eq!(batch.room(), BATCH - 3);
        assert!(batch.runs().all(|run| run.peer() == here));
        batch.send(&right, |run, error| panic!("{}: {error}", run.peer()));
        for length in [0, 1, 60_000] {
            let mut buffer = vec![0; LONGEST];
            assert_eq!(left.recv_from(&mut buffer).unwrap(), (length, there));
        }
    }

    #[test]
    fn datagrams_that_came_together_leave_together() {
        let (left, middle, right) = (socket(), socket(), socket());
        left.connect(middle.local_addr().unwrap()).unwrap();
        let parts = [nix::sys::socket::ControlMessage::UdpGsoSegments(&1_000)];
        let payload = [io::IoSlice::new(&[9; 2_500])];
        let flags = nix::sys::socket::MsgFlags::empty();
        nix::sys::socket::sendmsg::<()>(left.as_raw_fd(), &payload, &parts, flags, None).unwrap();
        let mut batch = Batch::new();
        for (from, to) in [(&middle, &right), (&right, &middle)] {
            batch.clear();
            assert_eq!(batch.receive(from, BATCH).unwrap(), 1);
            let run = batch.runs().next().unwrap();
            assert_eq!((run.segment(), run.count()), (1_000, 3));
            assert_eq!(run.payloads().next().unwrap(), [9; 2_500]);
            batch.address(0, to.local_addr().unwrap());
            batch.send(from, |run, error| panic!("{}: {error}", run.peer()));
        }
    }

    #[test]
    fn one_message_that_fails_does_not_stop_the_others() {
        let (left, right) = (socket(), socket());
        for payload in [b"one", b"two"] {
            left.send_to(payload, right.local_addr().unwrap()).unwrap();
        }
        let mut batch = Batch::new();
        while batch.room() > BATCH - 2 {
            batch.receive(&right, BATCH).unwrap();
        }
        // There is no way to an IPv6 address from an IPv4 socket.
        batch.address(0, "[::1]:9".parse().unwrap());
        let mut failed = Vec::new();
        batch.send(&right, |run, _| {
            failed.extend(run.datagrams().map(Vec::from));
        });
        assert_eq!(failed, [b"one"]);
        let mut buffer = [0; 16];
        let (length, _) = left.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"two");
    }
}
