//! What rules are made of. Attributes are written in the order in which the kernel lists them, so that a listed rule can be
//! compared byte by byte.

use super::element::{Data, write_data};
use super::{Family, Load, Meta, Verdict};
use crate::tlv::Writer;

/// `NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`.
const NAME: u16 = 1;
const DATA: u16 = 2;
/// The verdict register.
const VERDICT_REGISTER: u32 = 0;

/// The number of a register by its offset in four-byte words, 0–15, as the kernel lists it: words that begin one of the
/// four large registers have that one's number.
pub fn register(word: u32) -> u32 {
    if word.is_multiple_of(4) {
        word / 4 + 1
    } else {
        word + 8
    }
}

/// One step of a rule. Registers are word offsets, see [`register`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Something of the packet into a register.
    Load(Load, u32),
    /// A register into something of the packet.
    SetMeta(Meta, u32),
    /// `register = (register & mask) ^ xor`: register, bytes, mask and xor in host order (one byte: the lowest).
    Bits(u32, u32, u32, u32),
    /// A constant into a register.
    Value(u32, Vec<u8>),
    /// Goes on if a register is, or is not, these bytes.
    Compare(u32, Comparison, Vec<u8>),
    /// Goes on if the registers from this one on are in the set.
    InSet(String, u32),
    /// The value of a map at the registers from the first on into the second; else the rule ends.
    Map(String, u32, u32),
    /// The verdict of a map at the register; else the rule ends.
    Dispatch(String, u32),
    /// A verdict.
    Verdict(Verdict),
    /// A random number below the first into a register.
    Random(u32, u32),
    /// The new destination: registers of address and port.
    Dnat(Family, u32, u32),
    /// The new source is that of the outgoing interface, its port fully random.
    Masquerade,
    /// Hands the packet to a transparent socket of this machine, without a change: registers of the address and port that the
    /// socket is bound to. Else the rule ends.
    Tproxy(Family, u32, u32),
    /// TCP reset.
    ResetTcp,
    /// ICMP port unreachable of a family.
    Unreachable(Family),
    /// Changes a dynamic map: key, value.
    Dynamic(String, Update, u32, u32),
}

/// How bytes are compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Comparison {
    /// Equal.
    Is = 0,
    /// Not equal.
    IsNot = 1,
}

/// How a dynamic map changes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The element is added, or kept for so long from now on.
    Remember(Keep),
    /// The element goes.
    Forget,
}

/// Milliseconds that an element is kept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Keep(pub u64);

impl Expression {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.put_str(NAME, self.name());
        writer.nest(DATA, |w| self.write_data(w));
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Load(load, _) => load.name(),
            Self::SetMeta(..) => "meta",
            Self::Bits(..) => "bitwise",
            Self::Compare(..) => "cmp",
            Self::InSet(..) | Self::Map(..) | Self::Dispatch(..) => "lookup",
            Self::Value(..) | Self::Verdict(_) => "immediate",
            Self::Random(..) => "numgen",
            Self::Dnat(..) => "nat",
            Self::Masquerade => "masq",
            Self::Tproxy(..) => "tproxy",
            Self::ResetTcp | Self::Unreachable(_) => "reject",
            Self::Dynamic(..) => "dynset",
        }
    }

    fn write_data(&self, w: &mut Writer) {
        match self {
            Self::Load(load, to) => load.write(register(*to), w),
            Self::SetMeta(meta, from) => {
                w.put_u32(2, *meta as u32);
                w.put_u32(3, register(*from));
            }
            Self::Bits(at, length, mask, xor) => write_bits(register(*at), *length, *mask, *xor, w),
            Self::Value(at, bytes) => {
                w.put_u32(1, register(*at));
                write_data(&Data::Value(bytes), 2, w);
            }
            Self::Compare(at, comparison, bytes) => {
                w.put_u32(1, register(*at));
                w.put_u32(2, *comparison as u32);
                write_data(&Data::Value(bytes), 3, w);
            }
            Self::InSet(set, at) => write_lookup(set, *at, None, w),
            Self::Map(map, at, to) => write_lookup(map, *at, Some(register(*to)), w),
            Self::Dispatch(map, at) => write_lookup(map, *at, Some(VERDICT_REGISTER), w),
            Self::Verdict(verdict) => {
                w.put_u32(1, VERDICT_REGISTER);
                write_data(&Data::Verdict(verdict), 2, w);
            }
            Self::Random(below, to) => write_random(*below, register(*to), w),
            Self::Dnat(family, address, port) => write_dnat(*family, *address, *port, w),
            // NF_NAT_RANGE_PROTO_RANDOM_FULLY: else parallel connections race for one port.
            Self::Masquerade => w.put_u32(1, 0x10),
            Self::Tproxy(family, address, port) => {
                w.put_u32(1, *family as u32);
                w.put_u32(2, register(*address));
                w.put_u32(3, register(*port));
            }
            // NFT_REJECT_TCP_RST has no code; the kernel takes and lists none for it.
            Self::ResetTcp => w.put_u32(1, 1),
            Self::Unreachable(family) => {
                w.put_u32(1, 0);
                // ICMP_PORT_UNREACH, ICMPV6_PORT_UNREACH.
                w.put(2, &[if *family == Family::V4 { 3 } else { 4 }]);
            }
            Self::Dynamic(map, update, key, value) => write_dynamic(map, *update, *key, *value, w),
        }
    }
}

fn write_bits(at: u32, length: u32, mask: u32, xor: u32, w: &mut Writer) {
    // Source, target, length, NFT_BITWISE_MASK_XOR.
    for (kind, value) in [(1, at), (2, at), (3, length), (6, 0)] {
        w.put_u32(kind, value);
    }
    for (kind, value) in [(4, mask), (5, xor)] {
        let bytes = if length == 1 {
            value.to_le_bytes()[..1].to_vec()
        } else {
            value.to_ne_bytes().to_vec()
        };
        write_data(&Data::Value(&bytes), kind, w);
    }
}

fn write_dnat(family: Family, address: u32, port: u32, w: &mut Writer) {
    w.put_u32(1, 1);
    w.put_u32(2, family as u32);
    for (kind, at) in [(3, address), (4, address), (5, port), (6, port)] {
        w.put_u32(kind, register(at));
    }
    // NF_NAT_RANGE_MAP_IPS and _PROTO_SPECIFIED, which the kernel adds and lists.
    w.put_u32(7, 0x3);
}

fn write_lookup(set: &str, at: u32, to: Option<u32>, w: &mut Writer) {
    w.put_str(1, set);
    w.put_u32(2, register(at));
    if let Some(to) = to {
        w.put_u32(3, to);
    }
    w.put_u32(5, 0);
}

fn write_random(below: u32, to: u32, w: &mut Writer) {
    // Target, modulus, NFT_NG_RANDOM, offset.
    for (kind, value) in [(1, to), (2, below), (3, 1), (4, 0)] {
        w.put_u32(kind, value);
    }
}

fn write_dynamic(map: &str, update: Update, key: u32, value: u32, w: &mut Writer) {
    w.put_u32(4, register(key));
    w.put_u32(5, register(value));
    // NFT_DYNSET_OP_UPDATE, NFT_DYNSET_OP_DELETE.
    let (operation, keep) = match update {
        Update::Remember(Keep(millis)) => (1, millis),
        Update::Forget => (2, 0),
    };
    w.put_u32(3, operation);
    w.put_str(1, map);
    w.put(6, &keep.to_be_bytes());
    w.put_u32(9, 0);
}
