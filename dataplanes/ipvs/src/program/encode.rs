//! The program as netlink.

use portolan_netlink::nftables::{Comparison, Expression, Family, Load, Meta};
use portolan_nft::expressions::{
    any_bit, bits, in_set, invalid, is, is_tcp, not_syn, reset, source_is_local, stays, take,
};
use portolan_nft::{Program, SetName as _};

use super::chains::chains;
use super::{LAYOUT, Part, SetName};
use crate::mark::MarkBit;

/// `NF_CT_STATE_BIT` of a new connection.
const NEW: u32 = 1 << 3;
/// `IPS_CONFIRMED`.
const CONFIRMED: u32 = 1 << 3;
/// `IP_CT_DIR_REPLY`.
const REPLY: u8 = 1;

const MARK: Load = Load::Meta(Meta::Mark);

/// What the table of a family has, but for elements.
pub(crate) fn program(family: Family, mark: MarkBit) -> Program {
    let sets = SetName::ALL.map(|set| set.declare(family));
    Program::of(LAYOUT, sets.into(), &chains(mark), |part| {
        expressions(part, family)
    })
}

fn expressions(part: &Part, family: Family) -> Vec<Expression> {
    use Expression as E;
    match part {
        Part::Answer => vec![
            E::Load(Load::CtDirection, 0),
            E::Compare(0, Comparison::Is, vec![REPLY]),
        ],
        Part::Known => [bits(Load::CtState, NEW), vec![is(0)]].concat(),
        Part::NotSyn => not_syn(),
        Part::Repeated => [is_tcp(), any_bit(Load::CtStatus, CONFIRMED)].concat(),
        Part::Invalid => invalid(),
        Part::Stays => stays(),
        Part::In(key, set) => in_set(key.fields(), set.as_str(), family),
        Part::SourceIsLocal => source_is_local(),
        Part::Has(mask, value) => [bits(MARK, *mask), vec![is(*value)]].concat(),
        Part::Take(key, map) => take(key.fields(), map.as_str(), Meta::Mark, family),
        Part::Mark(value) => vec![
            E::Value(0, value.to_ne_bytes().to_vec()),
            E::SetMeta(Meta::Mark, 0),
        ],
        Part::Keep(mask) => [bits(MARK, *mask), vec![E::SetMeta(Meta::Mark, 0)]].concat(),
        Part::Masquerade => vec![E::Masquerade],
        Part::Reset => reset(),
        Part::Unreachable => vec![E::Unreachable(family)],
        Part::Do(verdict) => vec![E::Verdict(verdict.clone())],
    }
}

#[cfg(test)]
mod tests {
    use portolan_netlink::nftables::Verdict;

    use super::*;

    #[test]
    fn every_rule_leads_to_a_chain_and_a_set_that_exist() {
        let chains = chains(MarkBit::default());
        let names: Vec<_> = chains.iter().map(|chain| chain.name.as_str()).collect();
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
