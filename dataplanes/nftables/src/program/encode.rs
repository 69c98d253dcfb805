//! The program as netlink.

use portolan_netlink::nftables::{Expression, Family, Keep, Load, Meta, Update};
use portolan_nft::expressions::{
    any_bit, bits, in_set, invalid, is, load, not_syn, reset, source_is_local, stays, take, width,
    words,
};
use portolan_nft::{Program, SetName as _, Verdicts};

use super::{Key, LAYOUT, Part, SetName, chains, verdicts};

/// `IPS_DST_NAT`.
const TRANSLATED: u32 = 1 << 5;

/// What the table of a family has, but for elements of Services and of the environment.
pub(crate) fn program(family: Family) -> Program {
    let sets = SetName::of(family).map(|set| set.declare(family));
    let constant = [SetName::Pick, SetName::Timeouts, SetName::Kinds];
    Program {
        verdicts: constant.map(|map| (map.as_str(), elements(map))).into(),
        ..Program::of(LAYOUT, sets.collect(), &chains(), |part| {
            expressions(part, family)
        })
    }
}

fn elements(map: SetName) -> Verdicts {
    let elements = verdicts(map).into_iter();
    elements
        .map(|(key, verdict)| (key.to_ne_bytes().to_vec(), verdict))
        .collect()
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
    match part {
        Part::NotSyn => not_syn(),
        Part::Invalid => invalid(),
        Part::Stays => stays(),
        Part::Translated => any_bit(Load::CtStatus, TRANSLATED),
        Part::In(key, set) => in_set(key.fields(), set.as_str(), family),
        Part::SourceIsLocal => source_is_local(),
        Part::Has(mask) => [bits(SCRATCH, *mask), vec![is(*mask)]].concat(),
        Part::Take(key, map) => take(key.fields(), map.as_str(), Meta::Priority, family),
        Part::Keep(mask) => change(E::Bits(0, 4, *mask, 0)),
        // (x & !bits) ^ bits is x | bits.
        Part::Add(more) => change(E::Bits(0, 4, !more, *more)),
        Part::Clear => vec![
            E::Value(0, 0_u32.to_ne_bytes().to_vec()),
            E::SetMeta(Meta::Priority, 0),
        ],
        Part::Random(below) => vec![E::Random(*below, 0), E::SetMeta(Meta::Priority, 0)],
        Part::Dispatch(mask, map) => {
            let dispatch = E::Dispatch(map.as_str().to_owned(), 0);
            [bits(SCRATCH, *mask), vec![dispatch]].concat()
        }
        Part::Remember(seconds) => {
            dynamic(Update::Remember(Keep(u64::from(*seconds) * 1000)), family)
        }
        Part::Forget => dynamic(Update::Forget, family),
        Part::Translate => translate(family),
        Part::Masquerade => vec![E::Masquerade],
        Part::Reset => reset(),
        Part::Unreachable => vec![E::Unreachable(family)],
        Part::Do(verdict) => vec![E::Verdict(verdict.clone())],
    }
}

fn translate(family: Family) -> Vec<Expression> {
    let backends = SetName::Backends.as_str().to_owned();
    let mut all = load(Key::Slot.fields(), family);
    all.push(Expression::Map(backends, 0, 0));
    all.push(Expression::Dnat(family, 0, words(family)));
    all
}

fn dynamic(update: Update, family: Family) -> Vec<Expression> {
    let map = SetName::Affinity.as_str().to_owned();
    let client = Key::Client.fields();
    let mut all = load(client, family);
    let free = width(client, family);
    all.push(Expression::Load(SCRATCH, free));
    all.push(Expression::Dynamic(map, update, 0, free));
    all
}
