//! Elements of our sets.

use crate::program::SetName;

pub(crate) type Entry = portolan_nft::Entry<SetName>;
pub(crate) type Difference = portolan_nft::Difference<SetName>;
pub(crate) type Ranges = portolan_nft::Ranges<SetName>;

/// A number as the scratch and maps have it: in host order.
pub(crate) fn read_scratch(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}
