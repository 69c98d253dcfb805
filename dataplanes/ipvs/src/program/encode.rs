//! The program as netlink.

use portolan_netlink::nftables::{Chain, Comparison, Expression, Family, Load, Meta};
use portolan_nft::{Program, SetName as _, rule};

use super::chains::chains;
use super::{Key, LAYOUT, Part, sets};
use crate::mark::MarkBit;

const TCP: u8 = 6;
/// `NF_CT_STATE_INVALID_BIT`, and that of a new connection.
const INVALID: u32 = 1;
const NEW: u32 = 1 << 3;
/// `IPS_CONFIRMED`.
const CONFIRMED: u32 = 1 << 3;
/// `IP_CT_DIR_REPLY`.
const REPLY: u8 = 1;
/// `LOOPBACK_IFINDEX`: `lo` has it in every network namespace.
const LOOPBACK: u32 = 1;
/// `RTN_LOCAL`.
const LOCAL: u32 = 2;
/// FIN, SYN, RST, ACK; and SYN alone.
const TCP_FLAGS: u32 = 0x17;
const SYN: u8 = 0x02;

/// What the table of a family has, but for elements.
pub(crate) fn program(family: Family, mark: MarkBit) -> Program {
    let chains = chains(mark);
    let rules = chains.iter().flat_map(|chain| {
        chain.rules.iter().map(|of| {
            let parts = of.parts.iter();
            let expressions = parts.flat_map(|part| expressions(part, family));
            rule(chain.name, of.why, expressions.collect())
        })
    });
    Program {
        layout: LAYOUT,
        sets: sets(family),
        rules: rules.collect(),
        verdicts: Vec::new(),
        chains: chains
            .iter()
            .map(|chain| Chain {
                name: chain.name.to_owned(),
                hook: chain.hook,
            })
            .collect(),
    }
}

fn is(value: u32) -> Expression {
    Expression::Compare(0, Comparison::Is, value.to_ne_bytes().to_vec())
}

fn is_tcp() -> Vec<Expression> {
    vec![
        Expression::Load(Load::Meta(Meta::L4Proto), 0),
        Expression::Compare(0, Comparison::Is, vec![TCP]),
    ]
}

fn bits(load: Load, mask: u32) -> Vec<Expression> {
    vec![Expression::Load(load, 0), Expression::Bits(0, 4, mask, 0)]
}

fn expressions(part: &Part, family: Family) -> Vec<Expression> {
    use Expression as E;
    let with = |key, last: Vec<E>| [loads(key, family), last].concat();
    let some = E::Compare(0, Comparison::IsNot, 0_u32.to_ne_bytes().to_vec());
    match part {
        Part::Answer => vec![
            E::Load(Load::CtDirection, 0),
            E::Compare(0, Comparison::Is, vec![REPLY]),
        ],
        Part::Known => [bits(Load::CtState, NEW), vec![is(0)]].concat(),
        Part::NotSyn => {
            let flags = vec![
                E::Load(Load::Transport(13, 1), 0),
                E::Bits(0, 1, TCP_FLAGS, 0),
                E::Compare(0, Comparison::IsNot, vec![SYN]),
            ];
            [is_tcp(), flags].concat()
        }
        Part::Repeated => {
            let confirmed = bits(Load::CtStatus, CONFIRMED);
            [is_tcp(), confirmed, vec![some]].concat()
        }
        Part::Invalid => [is_tcp(), bits(Load::CtState, INVALID), vec![some]].concat(),
        Part::Stays => vec![E::Load(Load::Meta(Meta::OutInterface), 0), is(LOOPBACK)],
        Part::In(key, set) => with(*key, vec![E::InSet(set.as_str().to_owned(), 0)]),
        Part::SourceIsLocal => vec![E::Load(Load::SourceType, 0), is(LOCAL)],
        Part::Has(mask, value) => [bits(Load::Meta(Meta::Mark), *mask), vec![is(*value)]].concat(),
        Part::Take(key, map) => with(
            *key,
            vec![
                E::Map(map.as_str().to_owned(), 0, 0),
                E::SetMeta(Meta::Mark, 0),
            ],
        ),
        Part::Mark(value) => vec![
            E::Value(0, value.to_ne_bytes().to_vec()),
            E::SetMeta(Meta::Mark, 0),
        ],
        Part::Keep(mask) => {
            let store = E::SetMeta(Meta::Mark, 0);
            [bits(Load::Meta(Meta::Mark), *mask), vec![store]].concat()
        }
        Part::Masquerade => vec![E::Masquerade],
        Part::Reset => [is_tcp(), vec![E::ResetTcp]].concat(),
        Part::Unreachable => vec![E::Unreachable(family)],
        Part::Do(verdict) => vec![E::Verdict(verdict.clone())],
    }
}

/// Loads a key into the registers from 0 on.
fn loads(key: Key, family: Family) -> Vec<Expression> {
    let (source, destination, length) = match family {
        Family::V4 => (12, 16, 4),
        Family::V6 => (8, 24, 16),
    };
    let words = length / 4;
    let from = (Load::Network(source, length), words);
    let to = (Load::Network(destination, length), words);
    let protocol = (Load::Meta(Meta::L4Proto), 1);
    let port = (Load::Transport(2, 2), 1);
    let fields = match key {
        Key::Frontend => vec![to, protocol, port],
        Key::Source => vec![to, protocol, port, from],
        Key::Original => vec![
            (Load::OriginalDestination(family), words),
            protocol,
            (Load::OriginalPort, 1),
        ],
        Key::Server => vec![
            (Load::ReplySource(family), words),
            protocol,
            (Load::ReplyPort, 1),
        ],
        Key::To => vec![to],
        Key::From => vec![from],
        Key::Both => vec![from, to],
        Key::FromTwice => vec![from, from],
    };
    let mut next = 0;
    let load = |(load, words)| {
        let at = next;
        next += words;
        Expression::Load(load, at)
    };
    fields.into_iter().map(load).collect()
}

#[cfg(test)]
mod tests {
    use portolan_netlink::nftables::Verdict;

    use super::*;
    use crate::program::SetName;

    #[test]
    fn every_rule_leads_to_a_chain_and_a_set_that_exist() {
        let chains = chains(MarkBit::default());
        let names: Vec<_> = chains.iter().map(|chain| chain.name).collect();
        let parts = chains.iter().flat_map(|chain| &chain.rules);
        for part in parts.flat_map(|rule| &rule.parts) {
            match part {
                Part::Do(Verdict::Goto(to) | Verdict::Jump(to)) => {
                    assert!(names.contains(&to.as_str()), "{to}");
                }
                Part::In(_, set) | Part::Take(_, set) => assert!(SetName::ALL.contains(set)),
                _ => {}
            }
        }
    }
}
