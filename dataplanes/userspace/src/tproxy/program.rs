//! The program: a set of frontends, and a rule that hands their packets to the listener.

use std::net::{Ipv4Addr, Ipv6Addr};

use portolan_netlink::nftables::{
    Chain, Comparison, Expression, Family, Hook, Load, Meta, Set, octets,
};
use portolan_nft::{self as tables, Datatype, Program, Shape, rule};

const CHAIN: &str = "prerouting";
const FRONTENDS: &str = "frontends";
/// `NF_IP_PRI_MANGLE`: after connection tracking, before destinations are translated.
const MANGLE: i32 = -150;
const TCP: u8 = 6;

/// The only set.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetName {
    /// Frontends that have no listener of their own.
    Frontends,
}

impl tables::SetName for SetName {
    const TABLE: &'static str = "portolan-userspace";

    fn as_str(self) -> &'static str {
        FRONTENDS
    }
}

/// For a listener at this port of the loopback address; without one there is no rule.
pub(super) fn program(family: Family, port: Option<u16>) -> Program {
    let hook = Hook {
        kind: "filter",
        number: 0,
        priority: MANGLE,
    };
    let why = "to the listener of all";
    Program {
        layout: "portolan: layout 1, see the README of portolan-userspace",
        sets: vec![frontends(family)],
        chains: vec![Chain {
            name: CHAIN.to_owned(),
            hook: Some(hook),
        }],
        rules: port
            .map(|port| rule(CHAIN, why, hand_over(family, port)))
            .into_iter()
            .collect(),
        verdicts: Vec::new(),
    }
}

fn frontends(family: Family) -> Set {
    let key = [
        Datatype::address(family),
        Datatype::Protocol,
        Datatype::Port,
    ];
    Shape::set(&key).declare(FRONTENDS, "without a listener of their own")
}

fn hand_over(family: Family, port: u16) -> Vec<Expression> {
    // Of the destination: offset in the header, words.
    let (offset, words, listener) = match family {
        Family::V4 => (16, 1, octets(Ipv4Addr::LOCALHOST.into())),
        Family::V6 => (24, 4, octets(Ipv6Addr::LOCALHOST.into())),
    };
    vec![
        Expression::Load(Load::Meta(Meta::L4Proto), 0),
        Expression::Compare(0, Comparison::Is, vec![TCP]),
        Expression::Load(Load::Network(offset, words * 4), 0),
        Expression::Load(Load::Meta(Meta::L4Proto), words),
        Expression::Load(Load::Transport(2, 2), words + 1),
        Expression::InSet(FRONTENDS.to_owned(), 0),
        Expression::Value(0, listener),
        Expression::Value(words, port.to_be_bytes().to_vec()),
        Expression::Tproxy(family, 0, words),
    ]
}
