//! The packet mark (decision 35): says that a packet is for a Service, and carries from rule to rule what becomes of it.
//!
//! ```text
//!  class    service bit | REFUSE | DROP | GUARDED | SPLIT | kind | 0      | number
//!  mark     service bit | 0 ....                                | INSIDE | number
//! ```
//! The number is that of the frontend; a mark with it is what IPVS balances by. It is in the lowest bits as the kernel spreads
//! virtual servers over 256 lists by the lowest eight bits of their marks (`ip_vs_svc_fwm_hashkey`), and looks through one of
//! them at every request and every new connection.
//!
//! IPVS compares whole marks, so between prerouting and its own output a packet for a Service carries nothing else. Thus it has
//! nothing to do with packets that nftables did not send to it, also while what it has drains. Where a frontend has affinity
//! there is no number, as what the kernel remembers by a mark has no port, and would lead to the frontend's port at the
//! backend: IPVS then balances by address and port.

/// Whose source address is replaced by the node's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Everybody's.
    Always = 1,
    /// Everybody's but workloads'.
    NotWorkloads = 2,
    /// The node's own.
    Node = 3,
}

/// Bits of a class, down from the bit by which packets for Services are known.
const CLASS_BITS: u32 = 6;

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

    /// Nobody serves: clients are refused.
    pub(crate) fn refuse(self) -> u32 {
        self.0 >> 1
    }

    /// Nobody serves here: clients get no answer.
    pub(crate) fn drop(self) -> u32 {
        self.0 >> 2
    }

    /// Only clients in `allowed` may use the frontend.
    pub(crate) fn guarded(self) -> u32 {
        self.0 >> 3
    }

    /// Sources inside use another pool.
    pub(crate) fn split(self) -> u32 {
        self.0 >> 4
    }

    /// The bits that say whose source address is replaced.
    pub(crate) fn kinds(self) -> u32 {
        3 * (self.0 >> CLASS_BITS)
    }

    /// The bits that say it of a kind.
    pub(crate) fn kind(self, kind: Kind) -> u32 {
        kind as u32 * (self.0 >> CLASS_BITS)
    }

    /// The bits of a class that are no part of a mark.
    pub(crate) fn class(self) -> u32 {
        self.0 - (self.0 >> CLASS_BITS)
    }

    /// The bit that marks for sources inside have more.
    pub(crate) fn inside(self) -> u32 {
        self.0 >> (CLASS_BITS + 1)
    }

    /// What IPVS may balance by, of a frontend with this mark.
    pub(crate) fn of_servers(self, mark: u32) -> ServerMarks {
        ServerMarks {
            plain: mark,
            inside: mark | self.inside(),
        }
    }

    /// The mark of a frontend by its number, from 1 on; `None` beyond what fits below the others.
    pub(crate) fn numbered(self, number: u32) -> Option<u32> {
        (1..self.inside())
            .contains(&number)
            .then_some(self.0 | number)
    }
}

/// The marks by which IPVS may balance a frontend.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerMarks {
    /// The mark of the frontend itself.
    pub(crate) plain: u32,
    /// That of the virtual server for sources inside.
    pub(crate) inside: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_all_that_a_class_says() {
        for bit in [16, 27, 31] {
            let mark: MarkBit = bit.to_string().parse().unwrap();
            let said = [
                mark.refuse(),
                mark.drop(),
                mark.guarded(),
                mark.split(),
                mark.kinds(),
            ];
            assert_eq!(
                said.iter().sum::<u32>(),
                mark.class(),
                "{bit}: no bit twice"
            );
            let fields = [mark.mask(), mark.class(), mark.inside(), mark.inside() - 1];
            assert_eq!(
                fields.iter().fold(0, |all, field| all ^ field),
                (mark.mask() - 1) | mark.mask()
            );
            for kind in [Kind::Always, Kind::NotWorkloads, Kind::Node] {
                assert_eq!(mark.kind(kind) & !mark.kinds(), 0, "{bit}: {kind:?}");
            }
            let last = mark.inside() - 1;
            assert_eq!(mark.numbered(0), None);
            assert_eq!(mark.numbered(last), Some(mark.mask() | last));
            assert_eq!(mark.numbered(last + 1), None);
        }
        assert!("15".parse::<MarkBit>().is_err() && "32".parse::<MarkBit>().is_err());
    }

    /// The kernel's lists are by the lowest eight bits.
    #[test]
    fn marks_in_a_row_are_in_lists_of_their_own() {
        let marks = (1..=256).filter_map(|number| MarkBit::default().numbered(number));
        let lists: std::collections::BTreeSet<_> = marks.map(|mark| mark & 0xff).collect();
        assert_eq!(lists.len(), 256);
    }
}
