//! Datagrams of one peer that leave in one message.

use std::net::SocketAddr;

/// The longest UDP payload, and a bit.
pub(super) const LONGEST: usize = 64 * 1024;

/// Bytes of messages that are joined: an IPv4 packet has no more, headers included.
const MOST: usize = 65_000;

/// Datagrams of messages that are joined. As many as QUIC's senders hand over at once; bursts that are longer than what
/// came overrun receivers. The kernel would take 64 (`UDP_MAX_SEGMENTS` before 6.9).
const MOST_DATAGRAMS: usize = 16;

/// One datagram, or several of one peer that the kernel put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) peer: SocketAddr,
    /// How many bytes it has.
    pub(crate) length: usize,
    /// Bytes of each datagram but the last; as many as `length` if it is one.
    pub(crate) segment: usize,
}

impl Message {
    fn datagrams(self) -> usize {
        self.length.div_ceil(self.segment.max(1)).max(1)
    }
}

/// Messages in a row of one peer, cut into datagrams of one size; only the last datagram may be smaller. They cost one way
/// through the kernel instead of one each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(super) messages: &'a [Message],
    /// A buffer of [`LONGEST`] bytes for each.
    pub(super) buffers: &'a [u8],
}

impl<'a> Run<'a> {
    /// What the first messages make together; there is at least one.
    pub(super) fn first_of(messages: &'a [Message], buffers: &'a [u8]) -> Self {
        let head = messages[0];
        let (mut length, mut datagrams, mut last) = (head.length, head.datagrams(), head);
        let joined = messages[1..].iter().take_while(|next| {
            let is_whole = last.length > 0 && last.length % head.segment == 0;
            let is_one = next.datagrams() == 1 && next.length <= head.segment;
            let fits = next.length > 0 && (next.segment == head.segment || is_one);
            length += next.length;
            datagrams += next.datagrams();
            last = **next;
            let joins = next.peer == head.peer && is_whole && fits;
            joins && length <= MOST && datagrams <= MOST_DATAGRAMS
        });
        let messages = &messages[..=joined.count()];
        Self { messages, buffers }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.messages[0].peer
    }

    /// Bytes of each datagram but the last.
    pub(crate) fn segment(&self) -> usize {
        self.messages[0].segment
    }

    pub(crate) fn count(&self) -> usize {
        self.messages
            .iter()
            .map(|message| message.datagrams())
            .sum()
    }

    /// The payload of each message.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &'a [u8]> {
        let messages = self.messages.iter().zip(self.buffers.chunks_exact(LONGEST));
        messages.map(|(message, buffer)| &buffer[..message.length])
    }

    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> {
        let segment = self.segment().max(1);
        self.payloads().flat_map(move |payload| {
            let empty = payload.is_empty().then_some(payload);
            empty.into_iter().chain(payload.chunks(segment))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_together_only_if_cutting_them_makes_the_same_datagrams() {
        let message = |port: u16, length, segment| Message {
            peer: ([127, 0, 0, 1], port).into(),
            length,
            segment,
        };
        let single = |length| message(1, length, length);
        for (row, messages, together, datagrams) in [
            ("one", vec![single(64)], 1, 1),
            ("of one size", vec![single(64); 8], 8, 8),
            ("another peer", vec![single(64), message(2, 64, 64)], 1, 1),
            (
                "a smaller one ends it",
                vec![single(64), single(9), single(9)],
                2,
                2,
            ),
            ("a larger one", vec![single(64), single(65)], 1, 1),
            ("nothing in it", vec![single(0), single(0)], 1, 1),
            ("nothing in the second", vec![single(64), single(0)], 1, 1),
            (
                "put together by the kernel",
                vec![message(1, 2_000, 1_000); 2],
                2,
                4,
            ),
            (
                "its last is smaller",
                vec![message(1, 2_500, 1_000); 2],
                1,
                3,
            ),
            (
                "another size",
                vec![message(1, 2_000, 1_000), message(1, 1_000, 500)],
                1,
                2,
            ),
            ("too many bytes", vec![single(30_000); 3], 2, 2),
            ("too many datagrams", vec![single(64); 20], 16, 16),
            ("many already", vec![message(1, 1_000, 20); 2], 1, 50),
        ] {
            let buffers = vec![0; messages.len() * LONGEST];
            let run = Run::first_of(&messages, &buffers);
            assert_eq!(run.messages.len(), together, "{row}");
            assert_eq!(
                (run.count(), run.datagrams().count()),
                (datagrams, datagrams),
                "{row}"
            );
        }
    }
}
