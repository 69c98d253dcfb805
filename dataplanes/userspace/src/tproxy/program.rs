//! The program: a set of frontends, and a rule that hands their packets to the listener.

use std::net::{Ipv4Addr, Ipv6Addr};

use portolan_netlink::nftables::{Expression, Family, Hook, octets};
use portolan_nft::expressions::Field::{Destination, Port, Transport};
use portolan_nft::expressions::{in_set, is_tcp, words};
use portolan_nft::{Datatype, Program, Rule, SetName as _, Shape, hooked};

/// `NF_IP_PRI_MANGLE`: after connection tracking, before destinations are translated.
const MANGLE: i32 = -150;

/// The only set.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetName {
    /// Frontends that have no listener of their own.
    Frontends,
}

impl portolan_nft::SetName for SetName {
    const TABLE: &'static str = "portolan-userspace";

    fn words(self) -> (&'static str, &'static str) {
        ("frontends", "without a listener of their own")
    }

    fn shape(self, family: Family) -> Shape {
        Shape::set(&[
            Datatype::address(family),
            Datatype::Protocol,
            Datatype::Port,
        ])
    }
}

/// The program for a listener at this port of the loopback address; without one there is no rule.
pub(super) fn program(family: Family, port: Option<u16>) -> Program {
    let rules: Vec<_> = port
        .into_iter()
        .map(|port| Rule {
            why: "to the listener of all",
            parts: hand_over(family, port),
        })
        .collect();
    let hook = Hook {
        kind: "filter",
        number: 0,
        priority: MANGLE,
    };
    let layout = "portolan: layout 1, see the README of portolan-userspace";
    let sets = vec![SetName::Frontends.declare(family)];
    Program::of(layout, sets, &[hooked("prerouting", hook, rules)], |part| {
        vec![part.clone()]
    })
}

fn hand_over(family: Family, port: u16) -> Vec<Expression> {
    let listener = match family {
        Family::V4 => octets(Ipv4Addr::LOCALHOST.into()),
        Family::V6 => octets(Ipv6Addr::LOCALHOST.into()),
    };
    let frontends = SetName::Frontends.as_str();
    let words = words(family);
    let to_listener = vec![
        Expression::Value(0, listener),
        Expression::Value(words, port.to_be_bytes().to_vec()),
        Expression::Tproxy(family, 0, words),
    ];
    [
        is_tcp(),
        in_set(&[Destination, Transport, Port], frontends, family),
        to_listener,
    ]
    .concat()
}
