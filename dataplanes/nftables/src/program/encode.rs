//! The program as netlink.

use portolan_netlink::nftables::{self, Comparison, Expression, Family, Keep, Load, Meta, Update};
use portolan_nft::{Program, SetName as _, Verdicts, rule};

use super::{Chain, Key, LAYOUT, Part, SetName, chains, sets, verdicts};

const TCP: u8 = 6;
/// `IPS_DST_NAT`.
const TRANSLATED: u32 = 1 << 5;
/// `NF_CT_STATE_INVALID_BIT`.
const INVALID: u32 = 1;
/// `LOOPBACK_IFINDEX`: `lo` has it in every network namespace.
const LOOPBACK: u32 = 1;
/// `RTN_LOCAL`.
const LOCAL: u32 = 2;
/// FIN, SYN, RST, ACK; and SYN alone.
const TCP_FLAGS: u32 = 0x17;
const SYN: u32 = 0x02;

/// What the table of a family has, but for elements of Services and of the environment.
pub(crate) fn program(family: Family) -> Program {
    let chains = chains();
    let rules = chains.iter().flat_map(|chain| {
        chain.rules.iter().map(|of| {
            let parts = of.parts.iter();
            let expressions = parts.flat_map(|part| expressions(part, family));
            rule(&chain.name, of.why, expressions.collect())
        })
    });
    let constant = [SetName::Pick, SetName::Timeouts, SetName::Kinds];
    Program {
        layout: LAYOUT,
        sets: sets(family),
        rules: rules.collect(),
        verdicts: constant.map(|map| (map.as_str(), elements(map))).into(),
        chains: chains
            .into_iter()
            .map(|Chain { name, hook, .. }| nftables::Chain { name, hook })
            .collect(),
    }
}

fn elements(map: SetName) -> Verdicts {
    let elements = verdicts(map).into_iter();
    elements
        .map(|(key, verdict)| (key.to_ne_bytes().to_vec(), verdict))
        .collect()
}

fn is(at: u32, value: u32) -> Expression {
    Expression::Compare(at, Comparison::Is, value.to_ne_bytes().to_vec())
}

fn tcp() -> Expression {
    Expression::Load(Load::Meta(Meta::L4Proto), 0)
}

fn is_tcp() -> Expression {
    Expression::Compare(0, Comparison::Is, vec![TCP])
}

fn any_bit(load: Load, bit: u32) -> Vec<Expression> {
    let some = Expression::Compare(0, Comparison::IsNot, 0_u32.to_ne_bytes().to_vec());
    vec![
        Expression::Load(load, 0),
        Expression::Bits(0, 4, bit, 0),
        some,
    ]
}

const SCRATCH: Load = Load::Meta(Meta::Priority);

/// Loads the scratch, changes it, stores it.
fn change(expression: Expression) -> Vec<Expression> {
    vec![
        Expression::Load(SCRATCH, 0),
        expression,
        Expression::SetMeta(Meta::Priority, 0),
    ]
}

fn expressions(part: &Part, family: Family) -> Vec<Expression> {
    use Expression as E;
    let with = |key, rest: Vec<Expression>| [loads(key, family), rest].concat();
    let after = words(family);
    match part {
        Part::NotSyn => vec![
            tcp(),
            is_tcp(),
            E::Load(Load::Transport(13, 1), 0),
            E::Bits(0, 1, TCP_FLAGS, 0),
            E::Compare(0, Comparison::IsNot, vec![SYN.to_le_bytes()[0]]),
        ],
        Part::Invalid => [vec![tcp(), is_tcp()], any_bit(Load::CtState, INVALID)].concat(),
        Part::Stays => vec![E::Load(Load::Meta(Meta::OutInterface), 0), is(0, LOOPBACK)],
        Part::Translated => any_bit(Load::CtStatus, TRANSLATED),
        Part::In(key, set) => with(*key, vec![E::InSet(set.as_str().to_owned(), 0)]),
        Part::SourceIsLocal => vec![E::Load(Load::SourceType, 0), is(0, LOCAL)],
        Part::Has(bits) => vec![E::Load(SCRATCH, 0), E::Bits(0, 4, *bits, 0), is(0, *bits)],
        Part::Take(key, map) => with(
            *key,
            vec![
                E::Map(map.as_str().to_owned(), 0, 0),
                E::SetMeta(Meta::Priority, 0),
            ],
        ),
        Part::Keep(mask) => change(E::Bits(0, 4, *mask, 0)),
        // (x & !bits) ^ bits is x | bits.
        Part::Add(bits) => change(E::Bits(0, 4, !bits, *bits)),
        Part::Clear => vec![
            E::Value(0, 0_u32.to_ne_bytes().to_vec()),
            E::SetMeta(Meta::Priority, 0),
        ],
        Part::Random(below) => vec![E::Random(*below, 0), E::SetMeta(Meta::Priority, 0)],
        Part::Dispatch(mask, map) => vec![
            E::Load(SCRATCH, 0),
            E::Bits(0, 4, *mask, 0),
            E::Dispatch(map.as_str().to_owned(), 0),
        ],
        Part::Remember(seconds) => {
            dynamic(Update::Remember(Keep(u64::from(*seconds) * 1000)), family)
        }
        Part::Forget => dynamic(Update::Forget, family),
        Part::Translate => with(
            Key::Slot,
            vec![
                E::Map(SetName::Backends.as_str().to_owned(), 0, 0),
                E::Dnat(family, 0, after),
            ],
        ),
        Part::Masquerade => vec![E::Masquerade],
        Part::Reset => vec![tcp(), is_tcp(), E::ResetTcp],
        Part::Unreachable => vec![E::Unreachable(family)],
        Part::Do(verdict) => vec![E::Verdict(verdict.clone())],
    }
}

fn dynamic(update: Update, family: Family) -> Vec<Expression> {
    let map = SetName::Affinity.as_str().to_owned();
    let mut all = loads(Key::Client, family);
    let free = 2 * words(family) + 2;
    all.push(Expression::Load(SCRATCH, free));
    all.push(Expression::Dynamic(map, update, 0, free));
    all
}

/// Registers that an address takes.
fn words(family: Family) -> u32 {
    match family {
        Family::V4 => 1,
        Family::V6 => 4,
    }
}

/// Loads a key into the registers from 0 on.
fn loads(key: Key, family: Family) -> Vec<Expression> {
    let (source, destination, length) = match family {
        Family::V4 => (12, 16, 4),
        Family::V6 => (8, 24, 16),
    };
    let size = words(family);
    let from = (Load::Network(source, length), size);
    let to = (Load::Network(destination, length), size);
    let l4 = (Load::Meta(Meta::L4Proto), 1);
    let port = (Load::Transport(2, 2), 1);
    let fields = match key {
        Key::Frontend => vec![to, l4, port],
        Key::Slot => vec![to, l4, port, (SCRATCH, 1)],
        Key::Client => vec![from, to, l4, port],
        Key::Source => vec![to, l4, port, from],
        Key::Original => vec![
            (Load::OriginalDestination(family), size),
            l4,
            (Load::OriginalPort, 1),
        ],
        Key::To => vec![to],
        Key::From => vec![from],
        Key::Both => vec![from, to],
        Key::FromTwice => vec![from, from],
    };
    let mut next = 0;
    let load = |(load, size)| {
        let at = next;
        next += size;
        Expression::Load(load, at)
    };
    fields.into_iter().map(load).collect()
}
