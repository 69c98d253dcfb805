//! One socket to the kernel.

use std::io::{self, Read};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Type};
use tokio::io::unix::AsyncFd;

use crate::abi::{
    NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST,
    NLMSG_DONE, NLMSG_ERROR,
};
use crate::message::{Message, Messages};
use crate::nftables::{Batch, Step};
use crate::sys;
use crate::tlv::Writer;
use crate::{NetlinkError, Refused};

/// The kernel fills datagrams of a listing up to 32 KiB, if the receiver asked for that much before.
const RECEIVE: usize = 64 << 10;
/// What a socket holds for us: many acknowledgements, or two datagrams of a listing.
const RECEIVE_BUFFER: i32 = 1 << 20;
/// A whole batch is one datagram, so it must fit; see [`Socket::make_room`].
const SEND_BUFFER: usize = 4 << 20;
/// Room beside the bytes themselves (`struct sk_buff` and its tail).
const OVERHEAD: usize = 4096;

/// A netlink socket. One request at a time, in order; used within a tokio runtime.
pub struct Socket {
    fd: AsyncFd<socket2::Socket>,
    sequence: u32,
    received: Box<[u8]>,
    /// Bytes that may be sent at once.
    room: usize,
    listings: u64,
}

/// A request of one message: what it is, and its attributes.
pub(crate) struct Request {
    /// Subsystem and type; of generic netlink: the family.
    pub(crate) kind: u16,
    /// The family; of generic netlink the command.
    pub(crate) family: u8,
    pub(crate) attributes: Writer,
    /// For the error: what is being tried.
    pub(crate) what: String,
}

impl Socket {
    /// Opens one to netfilter in the network namespace of this thread.
    pub fn open() -> io::Result<Self> {
        Self::to(libc::NETLINK_NETFILTER)
    }

    /// Opens one to the families that have names instead of numbers, likewise.
    pub(crate) fn generic() -> io::Result<Self> {
        Self::to(libc::NETLINK_GENERIC)
    }

    fn to(protocol: i32) -> io::Result<Self> {
        let domain = Domain::from(libc::AF_NETLINK);
        let protocol = Protocol::from(protocol);
        let socket = socket2::Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            sys::set(socket.as_fd(), libc::SOL_NETLINK, option, 1)?;
        }
        sys::set(
            socket.as_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            RECEIVE_BUFFER,
        )?;
        let mut opened = Self {
            fd: sys::watch(socket)?,
            sequence: 0,
            received: vec![0; RECEIVE].into_boxed_slice(),
            room: 0,
            listings: 0,
        };
        opened.make_room(SEND_BUFFER)?;
        Ok(opened)
    }

    /// How often it asked for a listing: what costs the more the more there is.
    pub fn listings(&self) -> u64 {
        self.listings
    }

    /// Sends a batch and waits for its end: all of it happened, or nothing and why.
    pub async fn commit(&mut self, mut batch: Batch) -> Result<(), NetlinkError> {
        let first = self.sequence;
        let steps = batch.finish(first);
        let Some(last) = u32::try_from(steps.len()).ok().filter(|count| *count > 0) else {
            return Ok(());
        };
        // The begin has `first`, the steps follow, then comes the end.
        let last = first.wrapping_add(last);
        self.sequence = last.wrapping_add(2);
        self.send(batch.as_bytes()).await?;
        let mut refused = None;
        loop {
            let bytes = self.receive().await?;
            for message in Messages::new(bytes) {
                let Some((errno, words)) = message.outcome() else {
                    continue;
                };
                let offset = message.sequence.wrapping_sub(first);
                if offset > last.wrapping_sub(first) {
                    continue;
                }
                if errno != 0 && refused.is_none() {
                    refused = Some(refusal(&steps, offset, errno, words));
                }
                // The kernel answers for the batch as a whole in the name of its begin.
                if offset == 0 || message.sequence == last {
                    return refused.map_or(Ok(()), |refused| Err(refused.into()));
                }
            }
        }
    }

    /// One request with its acknowledgement.
    pub(crate) async fn request(&mut self, request: &Request) -> Result<(), NetlinkError> {
        let sequence = self.start(request, NLM_F_ACK).await?;
        loop {
            let bytes = self.receive().await?;
            let answers = Messages::new(bytes).filter(|message| message.sequence == sequence);
            for message in answers {
                if let Some((errno, words)) = message.outcome() {
                    return request.outcome(errno, words);
                }
            }
        }
    }

    /// Lists: calls back for every message of the answer.
    pub(crate) async fn dump(
        &mut self,
        request: &Request,
        each: impl FnMut(Message<'_>),
    ) -> Result<(), NetlinkError> {
        self.listings += 1;
        self.ask(request, NLM_F_DUMP, each).await
    }

    /// A request with one object as answer.
    pub(crate) async fn get(
        &mut self,
        request: &Request,
        each: impl FnMut(Message<'_>),
    ) -> Result<(), NetlinkError> {
        self.ask(request, NLM_F_ACK, each).await
    }

    async fn ask(
        &mut self,
        request: &Request,
        flags: u16,
        mut each: impl FnMut(Message<'_>),
    ) -> Result<(), NetlinkError> {
        let sequence = self.start(request, flags).await?;
        let mut interrupted = false;
        loop {
            let bytes = self.receive().await?;
            for message in Messages::new(bytes).filter(|message| message.sequence == sequence) {
                interrupted |= message.is_interrupted();
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR if interrupted => {
                        return Err(NetlinkError::Interrupted);
                    }
                    NLMSG_DONE => return request.done(message),
                    NLMSG_ERROR => {
                        let outcome = message.outcome();
                        let (errno, words) =
                            outcome.ok_or(NetlinkError::Malformed("acknowledgement"))?;
                        return request.outcome(errno, words);
                    }
                    _ if message.is_control() => {}
                    _ => each(message),
                }
            }
        }
    }

    async fn start(&mut self, request: &Request, flags: u16) -> Result<u32, NetlinkError> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let mut writer = Writer::new();
        let begun = writer.begin(
            request.kind,
            NLM_F_REQUEST | flags,
            sequence,
            request.family,
            0,
        );
        writer
            .bytes
            .extend_from_slice(request.attributes.as_bytes());
        writer.end(begun);
        self.send(writer.as_bytes()).await?;
        Ok(sequence)
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.make_room(bytes.len())?;
        loop {
            // The kernel carries a request out within send(2), so it is never short of room for long.
            match self.fd.get_ref().send(bytes) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.fd.writable().await?.clear_ready();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One datagram. Answers are there when send(2) returns, so it is read before it is waited for.
    async fn receive(&mut self) -> Result<&[u8], NetlinkError> {
        let length = loop {
            match self.fd.get_ref().read(&mut self.received) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.fd.readable().await?.clear_ready();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        let bytes = &self.received[..length];
        let mut messages = Messages::new(bytes);
        messages.by_ref().for_each(drop);
        if messages.rest().is_empty() {
            Ok(bytes)
        } else {
            Err(NetlinkError::Malformed("a datagram is cut off"))
        }
    }

    /// The limit of a datagram is that of the send buffer; as root it can be raised beyond `wmem_max`.
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        if bytes + OVERHEAD <= self.room {
            return Ok(());
        }
        let room = (bytes + OVERHEAD).next_power_of_two();
        // The kernel doubles what it is given, so half is enough.
        let half = i32::try_from(room / 2)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a batch beyond 4 GiB"))?;
        sys::set(
            self.fd.as_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUFFORCE,
            half,
        )?;
        self.room = room;
        Ok(())
    }
}

impl Request {
    fn outcome(&self, errno: i32, words: Option<&str>) -> Result<(), NetlinkError> {
        if errno == 0 {
            return Ok(());
        }
        Err(NetlinkError::Refused(Refused {
            what: self.what.clone(),
            errno,
            message: words.map(str::to_owned),
        }))
    }

    /// The end of a listing carries an error number, too.
    fn done(&self, message: Message<'_>) -> Result<(), NetlinkError> {
        let errno = message.payload.first_chunk::<4>();
        let errno = errno.map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        self.outcome(errno.saturating_neg(), None)
    }
}

/// Of the step with this offset from the begin.
fn refusal(steps: &[Step], offset: u32, errno: i32, words: Option<&str>) -> Refused {
    let step = usize::try_from(offset)
        .ok()
        .and_then(|offset| offset.checked_sub(1));
    let step = step.and_then(|index| steps.get(index));
    Refused {
        what: step.map_or_else(|| "commit the batch".to_owned(), Step::to_string),
        errno,
        message: words.map(str::to_owned),
    }
}
