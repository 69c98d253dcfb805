//! Messages: a header, the family's own header, attributes.

use crate::abi::{NLM_F_DUMP_INTR, NLMSG_ERROR, NLMSG_MIN_TYPE, NLMSGERR_ATTR_MSG};
use crate::tlv::{Reader, Writer};

/// Length, type, flags, sequence number, port.
const HEADER: usize = 16;
/// Family, version, resource (`struct nfgenmsg`).
const FAMILY_HEADER: usize = 4;
/// Flag of an error message: the request is not repeated within (`NLM_F_CAPPED`).
const CAPPED: u16 = 0x100;

/// A netfilter message that is being written.
#[derive(Debug)]
#[must_use = "a message has to be ended"]
pub struct Begun(usize);

impl Writer {
    /// Starts a netfilter message; `kind` has the subsystem in its upper byte.
    pub fn begin(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        family: u8,
        resource: u16,
    ) -> Begun {
        let begun = Begun(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&[family, 0]);
        self.bytes.extend_from_slice(&resource.to_be_bytes());
        begun
    }

    /// Ends a message.
    pub fn end(&mut self, Begun(start): Begun) {
        let length = u32::try_from(self.bytes.len() - start).expect("a message is below 4 GiB");
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// Adds flags to a message that was ended.
    pub(crate) fn flag(&mut self, start: usize, flags: u16) {
        let old = u16::from_ne_bytes([self.bytes[start + 6], self.bytes[start + 7]]);
        self.bytes[start + 6..start + 8].copy_from_slice(&(old | flags).to_ne_bytes());
    }
}

/// A message as it was read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its type.
    pub kind: u16,
    /// Its flags.
    pub flags: u16,
    /// The sequence number of what it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes behind the family's header; none for control messages.
    pub fn attributes(&self) -> Reader<'a> {
        Reader::new(self.payload.get(FAMILY_HEADER..).unwrap_or_default())
    }

    /// Whether it is one of the few that all families share.
    pub fn is_control(&self) -> bool {
        self.kind < NLMSG_MIN_TYPE
    }

    /// Whether the listing that it belongs to was disturbed.
    pub fn is_interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// Of an acknowledgement: the error number, 0 for success, and the kernel's words.
    pub fn outcome(&self) -> Option<(i32, Option<&'a str>)> {
        if self.kind != NLMSG_ERROR {
            return None;
        }
        let (errno, rest) = self.payload.split_first_chunk::<4>()?;
        let request = usize::try_from(u32::from_ne_bytes(*rest.first_chunk::<4>()?)).ok()?;
        let repeated = if self.flags & CAPPED == 0 {
            request
        } else {
            HEADER
        };
        let words = Reader::new(rest.get(repeated.next_multiple_of(4)..).unwrap_or_default());
        let words = words.get(NLMSGERR_ATTR_MSG).and_then(|words| words.str());
        Some((i32::from_ne_bytes(*errno).saturating_neg(), words))
    }
}

/// The messages of a datagram; ends at the first that is cut off.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Reads what was received.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read: something if a message was cut off.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let header = self.rest.first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let payload = self.rest.get(HEADER..length)?;
        self.rest = self
            .rest
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_come_back_as_they_were_written(
            written in prop::collection::vec((16u16.., any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..30)), 0..6),
        ) {
            let mut writer = Writer::new();
            for (kind, flags, sequence, value) in &written {
                let begun = writer.begin(*kind, *flags, *sequence, 2, 0);
                writer.put(5, value);
                writer.end(begun);
            }
            let messages = Messages::new(writer.as_bytes());
            let read: Vec<_> = messages
                .map(|m| (m.kind, m.flags, m.sequence, m.attributes().get(5).unwrap().value.to_vec()))
                .collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn arbitrary_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for message in Messages::new(&bytes) {
                let _ = (message.outcome(), message.attributes().count(), message.is_interrupted());
            }
        }
    }
}
