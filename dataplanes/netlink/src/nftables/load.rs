//! What rules load of a packet into registers.

use super::Family;
use crate::tlv::Writer;

/// What is loaded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Bytes of the network header: offset, length.
    Network(u32, u32),
    /// Bytes of the transport header: offset, length.
    Transport(u32, u32),
    /// Something beside the packet.
    Meta(Meta),
    /// The connection's state bit (`NF_CT_STATE_*`: 1 is invalid).
    CtState,
    /// One byte: whether the packet goes the way of the connection's first one (0) or back (1).
    CtDirection,
    /// The connection's status bits (`IPS_*`).
    CtStatus,
    /// The connection's destination as its first packet had it, of a family.
    OriginalDestination(Family),
    /// Its destination port likewise.
    OriginalPort,
    /// Where its answers come from, of a family.
    ReplySource(Family),
    /// The port that they come from.
    ReplyPort,
    /// The type (`RTN_*`) of the source address in the routing table.
    SourceType,
}

/// Something beside the packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Meta {
    /// `skb->priority`.
    Priority = 2,
    /// The packet's mark.
    Mark = 3,
    /// Index of the interface that it leaves by.
    OutInterface = 5,
    /// Transport protocol.
    L4Proto = 16,
}

impl Load {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Network(..) | Self::Transport(..) => "payload",
            Self::Meta(_) => "meta",
            Self::CtState
            | Self::CtDirection
            | Self::CtStatus
            | Self::OriginalDestination(_)
            | Self::OriginalPort
            | Self::ReplySource(_)
            | Self::ReplyPort => "ct",
            Self::SourceType => "fib",
        }
    }

    pub(super) fn write(self, to: u32, w: &mut Writer) {
        // NFT_CT_*: 0 state, 1 direction, 2 status, 11 and 12 ports, 19 to 22 addresses; direction 0 is the original one.
        let ct = |w: &mut Writer, key, direction: Option<u8>| {
            w.put_u32(1, to);
            w.put_u32(2, key);
            if let Some(direction) = direction {
                w.put(3, &[direction]);
            }
        };
        match self {
            Self::Network(offset, length) => write_payload(to, 1, offset, length, w),
            Self::Transport(offset, length) => write_payload(to, 2, offset, length, w),
            Self::Meta(meta) => {
                w.put_u32(2, meta as u32);
                w.put_u32(1, to);
            }
            Self::CtState => ct(w, 0, None),
            Self::CtDirection => ct(w, 1, None),
            Self::CtStatus => ct(w, 2, None),
            Self::OriginalDestination(Family::V4) => ct(w, 20, Some(0)),
            Self::OriginalDestination(Family::V6) => ct(w, 22, Some(0)),
            Self::OriginalPort => ct(w, 12, Some(0)),
            Self::ReplySource(Family::V4) => ct(w, 19, Some(1)),
            Self::ReplySource(Family::V6) => ct(w, 21, Some(1)),
            Self::ReplyPort => ct(w, 11, Some(1)),
            Self::SourceType => {
                w.put_u32(1, to);
                // NFT_FIB_RESULT_ADDRTYPE of NFTA_FIB_F_SADDR.
                w.put_u32(2, 3);
                w.put_u32(3, 1);
            }
        }
    }
}

fn write_payload(to: u32, base: u32, offset: u32, length: u32, w: &mut Writer) {
    for (kind, value) in [(1, to), (2, base), (3, offset), (4, length)] {
        w.put_u32(kind, value);
    }
}
