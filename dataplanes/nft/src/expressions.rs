//! Pieces of rules that dataplanes have alike, as netlink has them. All work in register 0 and those after it.

use portolan_netlink::nftables::{Comparison, Expression, Family, Load, Meta};

const TCP: u8 = 6;
/// `NF_CT_STATE_INVALID_BIT`.
const INVALID: u32 = 1;
/// `LOOPBACK_IFINDEX`: `lo` has it in every network namespace.
const LOOPBACK: u32 = 1;
/// `RTN_LOCAL`.
const LOCAL: u32 = 2;
/// FIN, SYN, RST, ACK; and SYN alone.
const TCP_FLAGS: u32 = 0x17;
const SYN: u8 = 0x02;

/// What keys of sets are made of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The source address.
    Source,
    /// The destination address.
    Destination,
    /// The transport.
    Transport,
    /// The destination port.
    Port,
    /// The destination address as the client sent it.
    OriginalDestination,
    /// The destination port as the client sent it.
    OriginalPort,
    /// The address that the connection's answers come from.
    ReplySource,
    /// The port that they come from.
    ReplyPort,
    /// `skb->priority`.
    Priority,
}

impl Field {
    /// What is loaded, and the registers that it takes.
    fn load(self, family: Family) -> (Load, u32) {
        let words = words(family);
        let (source, destination) = match family {
            Family::V4 => (12, 16),
            Family::V6 => (8, 24),
        };
        match self {
            Self::Source => (Load::Network(source, 4 * words), words),
            Self::Destination => (Load::Network(destination, 4 * words), words),
            Self::Transport => (Load::Meta(Meta::L4Proto), 1),
            Self::Port => (Load::Transport(2, 2), 1),
            Self::OriginalDestination => (Load::OriginalDestination(family), words),
            Self::OriginalPort => (Load::OriginalPort, 1),
            Self::ReplySource => (Load::ReplySource(family), words),
            Self::ReplyPort => (Load::ReplyPort, 1),
            Self::Priority => (Load::Meta(Meta::Priority), 1),
        }
    }

    /// The words by which `nft` calls it.
    pub fn text(self, family: Family) -> String {
        let ip = family.as_str();
        match self {
            Self::Source => format!("{ip} saddr"),
            Self::Destination => format!("{ip} daddr"),
            Self::Transport => "meta l4proto".to_owned(),
            Self::Port => "th dport".to_owned(),
            Self::OriginalDestination => format!("ct original {ip} daddr"),
            Self::OriginalPort => "ct original proto-dst".to_owned(),
            Self::ReplySource => format!("ct reply {ip} saddr"),
            Self::ReplyPort => "ct reply proto-src".to_owned(),
            Self::Priority => "meta priority".to_owned(),
        }
    }
}

/// Registers that an address takes.
pub fn words(family: Family) -> u32 {
    match family {
        Family::V4 => 1,
        Family::V6 => 4,
    }
}

/// Registers that a key takes.
pub fn width(key: &[Field], family: Family) -> u32 {
    key.iter().map(|field| field.load(family).1).sum()
}

/// Loads a key into the registers from 0 on.
pub fn load(key: &[Field], family: Family) -> Vec<Expression> {
    let mut next = 0;
    let load = |field: &Field| {
        let (load, words) = field.load(family);
        let at = next;
        next += words;
        Expression::Load(load, at)
    };
    key.iter().map(load).collect()
}

/// Goes on if register 0 is a number in host order.
pub fn is(value: u32) -> Expression {
    Expression::Compare(0, Comparison::Is, value.to_ne_bytes().to_vec())
}

/// Loads some bits.
pub fn bits(load: Load, mask: u32) -> Vec<Expression> {
    vec![Expression::Load(load, 0), Expression::Bits(0, 4, mask, 0)]
}

/// Goes on if any of these bits is set.
pub fn any_bit(load: Load, mask: u32) -> Vec<Expression> {
    let some = Expression::Compare(0, Comparison::IsNot, 0_u32.to_ne_bytes().to_vec());
    [bits(load, mask), vec![some]].concat()
}

/// Goes on if the packet is TCP.
pub fn is_tcp() -> Vec<Expression> {
    vec![
        Expression::Load(Load::Meta(Meta::L4Proto), 0),
        Expression::Compare(0, Comparison::Is, vec![TCP]),
    ]
}

/// Goes on if the packet is TCP, but by its flags not the first one of a connection.
pub fn not_syn() -> Vec<Expression> {
    let flags = vec![
        Expression::Load(Load::Transport(13, 1), 0),
        Expression::Bits(0, 1, TCP_FLAGS, 0),
        Expression::Compare(0, Comparison::IsNot, vec![SYN]),
    ];
    [is_tcp(), flags].concat()
}

/// Goes on if the packet is TCP that conntrack can't make sense of.
pub fn invalid() -> Vec<Expression> {
    [is_tcp(), any_bit(Load::CtState, INVALID)].concat()
}

/// Goes on if the packet leaves by `lo`.
pub fn stays() -> Vec<Expression> {
    vec![
        Expression::Load(Load::Meta(Meta::OutInterface), 0),
        is(LOOPBACK),
    ]
}

/// Goes on if the source address is the node's.
pub fn source_is_local() -> Vec<Expression> {
    vec![Expression::Load(Load::SourceType, 0), is(LOCAL)]
}

/// Answers TCP with a reset.
pub fn reset() -> Vec<Expression> {
    [is_tcp(), vec![Expression::ResetTcp]].concat()
}

/// Goes on if the key is in a set.
pub fn in_set(key: &[Field], set: &str, family: Family) -> Vec<Expression> {
    let mut all = load(key, family);
    all.push(Expression::InSet(set.to_owned(), 0));
    all
}

/// Stores what a map has for the key; without it the rule ends.
pub fn take(key: &[Field], map: &str, to: Meta, family: Family) -> Vec<Expression> {
    let mut all = load(key, family);
    all.push(Expression::Map(map.to_owned(), 0, 0));
    all.push(Expression::SetMeta(to, 0));
    all
}
