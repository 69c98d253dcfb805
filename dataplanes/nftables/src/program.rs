//! The program: chains, rules, sets and maps of one family. It is the same whatever the Services; they are its data.
//!
//! `chains`, `verdicts` and `sets` are the program itself, written down once. `encode` makes netlink of it, `text` what `nft` shows,
//! and [`crate::tracer`] runs it.

mod chains;
mod encode;
mod sets;
mod text;
mod verdicts;

use portolan_netlink::nftables::{Family, Verdict};
use portolan_nft::expressions::Field;

pub(crate) use chains::chains;
pub(crate) use encode::program;
pub(crate) use sets::SetName;
pub use text::text;
pub(crate) use verdicts::verdicts;

/// The name of our tables: one of family `ip`, one of `ip6`. All that is ours is in them.
pub const TABLE: &str = "portolan";

/// In the tables' comment. Another layout under our name is replaced in one transaction.
pub(crate) const LAYOUT: &str = "portolan: layout 2, see the README of portolan-nftables";

/// The family whose table has the seal; it stands for both.
pub(crate) const SEAL_FAMILY: Family = Family::V4;

pub(crate) type Chain = portolan_nft::Chain<Part>;
pub(crate) type Rule = portolan_nft::Rule<Part>;

/// A piece of a rule. A match that fails, and a map without the key, end the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// TCP, but not the first packet of a connection.
    NotSyn,
    /// TCP that conntrack can't make sense of, and so does not translate.
    Invalid,
    /// It leaves by `lo`.
    Stays,
    /// Its destination was translated.
    Translated,
    /// The key is in the set.
    In(Key, SetName),
    /// The source address is the node's.
    SourceIsLocal,
    /// All these bits of the scratch are set.
    Has(u32),
    /// The scratch becomes what the map has for the key.
    Take(Key, SetName),
    /// The scratch keeps these bits only.
    Keep(u32),
    /// These bits are added to the scratch.
    Add(u32),
    /// The scratch becomes 0.
    Clear,
    /// The scratch becomes a random number below this.
    Random(u32),
    /// To where a constant map leads for these bits of the scratch.
    Dispatch(u32, SetName),
    /// The client is remembered with the scratch for so many seconds from now on.
    Remember(u32),
    /// The client is forgotten.
    Forget,
    /// The destination becomes the backend of the slot or identity in the scratch.
    Translate,
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
    /// Destination, transport, port, and the scratch.
    Slot,
    /// Source, destination, transport, port.
    Client,
    /// Destination, transport, port, source.
    Source,
    /// Destination, transport, port as the client sent them.
    Original,
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
            Destination, OriginalDestination, OriginalPort, Port, Priority, Source, Transport,
        };
        match self {
            Self::Frontend => &[Destination, Transport, Port],
            Self::Slot => &[Destination, Transport, Port, Priority],
            Self::Client => &[Source, Destination, Transport, Port],
            Self::Source => &[Destination, Transport, Port, Source],
            Self::Original => &[OriginalDestination, Transport, OriginalPort],
            Self::To => &[Destination],
            Self::From => &[Source],
            Self::Both => &[Source, Destination],
            Self::FromTwice => &[Source, Source],
        }
    }
}
