//! The nftables program of one family: who reaches IPVS, and whose source address is replaced behind it. It is the same
//! whatever the Services; they are its data.

mod chains;
mod encode;
mod sets;

use portolan_netlink::nftables::Verdict;
use portolan_nft::expressions::Field;

pub(crate) use encode::program;
pub(crate) use sets::SetName;

/// The name of our tables: one of family `ip`, one of `ip6`.
pub const TABLE: &str = "portolan-ipvs";

/// In the tables' comment. Another layout under our name is replaced in one transaction.
pub(crate) const LAYOUT: &str = "portolan: layout 3, see the README of portolan-ipvs";

pub(crate) type Chain = portolan_nft::Chain<Part>;
pub(crate) type Rule = portolan_nft::Rule<Part>;

/// A piece of a rule. A match that fails, and a map without the key, end the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// An answer: it goes against the connection's first packet.
    Answer,
    /// Not the first packet of a connection.
    Known,
    /// TCP, but not the first packet of a connection by its flags.
    NotSyn,
    /// TCP whose first packet, the same as this one, has passed already.
    Repeated,
    /// TCP that conntrack can't make sense of.
    Invalid,
    /// It leaves by `lo`.
    Stays,
    /// The key is in the set.
    In(Key, SetName),
    /// The source address is the node's.
    SourceIsLocal,
    /// These bits of the mark, of those in the mask.
    Has(u32, u32),
    /// The mark becomes what the map has for the key.
    Take(Key, SetName),
    /// The mark becomes this.
    Mark(u32),
    /// The mark keeps these bits only.
    Keep(u32),
    /// The source becomes the node's.
    Masquerade,
    /// TCP is answered with a reset.
    Reset,
    /// Answered with ICMP port unreachable.
    Unreachable,
    /// A verdict.
    Do(Verdict),
}

/// What sets and maps are asked about.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Destination, transport, port.
    Frontend,
    /// Destination, transport, port, source.
    Source,
    /// Destination, transport, port as the client sent them.
    Original,
    /// Where the connection's answers come from: address, transport, port.
    Server,
    /// The destination alone.
    To,
    /// The source alone.
    From,
    /// Source and destination.
    Both,
    /// The source, twice.
    FromTwice,
}

impl Key {
    /// What it is made of, in order.
    pub(crate) fn fields(self) -> &'static [Field] {
        use Field::{
            Destination, OriginalDestination, OriginalPort, Port, ReplyPort, ReplySource, Source,
            Transport,
        };
        match self {
            Self::Frontend => &[Destination, Transport, Port],
            Self::Source => &[Destination, Transport, Port, Source],
            Self::Original => &[OriginalDestination, Transport, OriginalPort],
            Self::Server => &[ReplySource, Transport, ReplyPort],
            Self::To => &[Destination],
            Self::From => &[Source],
            Self::Both => &[Source, Destination],
            Self::FromTwice => &[Source, Source],
        }
    }
}
