//! The seal: in every transaction of ours, what stands after it. A restarted plugin that finds it unbroken knows that
//! nobody committed anything since, and by the digest whether what it remembers is what stands; it lists nothing
//! then (decision 32).
//!
//! The kernel numbers the transactions of a network namespace. The number is told beforehand, as the one after the last
//! that we know of: should somebody else's come between, the seal names a number that is past already, and it is broken.

use portolan_model::Digest;
use portolan_netlink::nftables::{Batch, Element, comment};
use portolan_nft::SetName as _;
use portolan_nft::userdata::{get, put};

use crate::entry::{Difference, Entry};
use crate::program::{SEAL_FAMILY, SetName, TABLE};

/// The type of its userdata.
const SEAL: u8 = 0x53;

/// What one transaction writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// The transaction that wrote it.
    pub(crate) generation: u32,
    /// The digest of every element that follows from Services.
    pub(crate) digest: Digest,
}

impl Seal {
    /// Replaces the one before, whatever that was.
    pub(crate) fn put(&self, batch: &mut Batch) {
        let (table, set) = ((SEAL_FAMILY, TABLE), SetName::Seal.as_str());
        batch.flush_set(table, set);
        let element = Element {
            key: vec![0; 4],
            userdata: self.userdata(),
            ..Element::default()
        };
        batch.add_elements(table, set, [&element]);
    }

    /// Reads the elements of its set; `None` if that is not exactly one of ours.
    pub(crate) fn read(elements: &[Element]) -> Option<Self> {
        match elements {
            [element] => Self::of_userdata(&element.userdata),
            _ => None,
        }
    }

    /// What its element carries: the number of its transaction for people, and again with the digest.
    fn userdata(&self) -> Vec<u8> {
        let mut bytes = comment(&format!("transaction {}", self.generation));
        let value = [&self.generation.to_be_bytes()[..], self.digest.as_bytes()].concat();
        put(&mut bytes, SEAL, &value);
        bytes
    }

    fn of_userdata(bytes: &[u8]) -> Option<Self> {
        let (generation, digest) = get(bytes, SEAL)?.split_first_chunk::<4>()?;
        Some(Self {
            generation: u32::from_be_bytes(*generation),
            digest: Digest::from_slice(digest)?,
        })
    }
}

/// The digest of elements, in any order.
pub(crate) fn digest<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Digest {
    let mut digest = Digest::EMPTY;
    for entry in entries {
        digest.toggle(of_entry(entry));
    }
    digest
}

/// The digest after a difference.
pub(crate) fn after(mut digest: Digest, difference: &Difference) -> Digest {
    for entry in difference.delete.iter().chain(&difference.add) {
        digest.toggle(of_entry(entry));
    }
    digest
}

fn of_entry(entry: &Entry) -> Digest {
    let element = &entry.element;
    let head = [
        entry.family as u8,
        entry.set as u8,
        u8::from(element.interval_end),
    ];
    let parts = [
        Some(&element.key),
        element.key_end.as_ref(),
        element.value.as_ref(),
        Some(&element.userdata),
    ];
    // Each has at most 256 bytes; what is not there is told from what is empty.
    let lengths = parts.map(|part| {
        part.map_or(u16::MAX, |part| {
            u16::try_from(part.len()).unwrap_or(u16::MAX - 1)
        })
    });
    let lengths: Vec<_> = lengths
        .iter()
        .flat_map(|length| length.to_be_bytes())
        .collect();
    let [key, end, value, userdata] = parts.map(|part| part.map_or(&[][..], Vec::as_slice));
    Digest::of(&[&head, &lengths, key, end, value, userdata])
}
