//! The packet mark: says that a packet is for a Service, and carries from rule to rule what becomes of it.
//!
//! ```text
//!  class    service bit | number | 0 | 0      | kind | SPLIT | GUARDED | DROP | REFUSE
//!  mark     service bit | number | 0 | INSIDE | 0 ....
//! ```
//! The number is that of the frontend (eight bits from the right); a mark with it is what IPVS balances by. It compares whole
//! marks, so between prerouting and its own output a packet for a Service carries nothing else. Thus IPVS has nothing to do
//! with packets that nftables did not send to it, also while what it has drains. Where a frontend has affinity there is no
//! number, as what the kernel remembers by a mark has no port, and would lead to the frontend's port at the backend: IPVS then
//! balances by address and port.

/// Nobody serves: clients are refused.
pub(crate) const REFUSE: u32 = 1;
/// Nobody serves here: clients get no answer.
pub(crate) const DROP: u32 = 1 << 1;
/// Only clients in `allowed` may use the frontend.
pub(crate) const GUARDED: u32 = 1 << 2;
/// Sources inside use another pool.
pub(crate) const SPLIT: u32 = 1 << 3;
/// Whose source address is replaced: one of [`Kind`].
pub(crate) const KIND: u32 = 3 << 4;
/// What of a class is no part of a mark.
pub(crate) const CLASS: u32 = 0x3f;

/// The virtual server for sources inside.
pub(crate) const INSIDE: u32 = 1 << 6;

/// Whose source address is replaced by the node's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Everybody's.
    Always = 1 << 4,
    /// Everybody's but workloads'.
    NotWorkloads = 2 << 4,
    /// The node's own.
    Node = 3 << 4,
}

const NUMBER_SHIFT: u32 = 8;

/// The bit of the mark by which packets for Services are known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MarkBit(u32);

impl Default for MarkBit {
    /// Bit 27: Kubernetes' own proxies use 14 and 15, Cilium the lower half, Calico the upper sixteen from below.
    fn default() -> Self {
        Self(1 << 27)
    }
}

impl std::str::FromStr for MarkBit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bit = text.parse().ok().filter(|bit| (16..32).contains(bit));
        bit.map(|bit: u32| Self(1 << bit)).ok_or_else(|| {
            format!("{text} is no bit that a mark can be known by; choose one from 16 to 31 that nothing else on this node uses")
        })
    }
}

impl MarkBit {
    /// The bit itself, as a mask.
    pub(crate) fn mask(self) -> u32 {
        self.0
    }

    /// The mark of a frontend by its number, from 1 on; `None` beyond what fits below the bit.
    pub(crate) fn numbered(self, number: u32) -> Option<u32> {
        let last = (self.0 >> NUMBER_SHIFT) - 1;
        (1..=last)
            .contains(&number)
            .then_some(self.0 | number << NUMBER_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_the_bit_and_above_the_class() {
        let mark = MarkBit::default();
        assert_eq!(mark.numbered(0), None);
        assert_eq!(mark.numbered(1), Some(0x0800_0100));
        assert_eq!(mark.numbered((1 << 19) - 1), Some(0x0fff_ff00));
        assert_eq!(mark.numbered(1 << 19), None);
        let low: MarkBit = "16".parse().unwrap();
        assert_eq!(low.numbered(255), Some(0x1_ff00));
        assert_eq!(low.numbered(256), None);
        assert!("15".parse::<MarkBit>().is_err() && "32".parse::<MarkBit>().is_err());
    }
}
