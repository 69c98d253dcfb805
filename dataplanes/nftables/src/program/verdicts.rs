//! The constant maps: from what a class or an identity says to a chain.

use portolan_netlink::nftables::Verdict;

use super::SetName;
use super::chains::{pick_chain, remember_chain};
use crate::class::{COUNTS, DROP, Kind, REFUSE, TIMEOUTS, pick, timeout_bits};

/// The elements of a constant map.
pub(crate) fn verdicts(map: SetName) -> Vec<(u32, Verdict)> {
    let jump = |chain| Verdict::Jump(chain);
    match map {
        SetName::Pick => {
            let empty = [
                (REFUSE, Verdict::Goto("refuse".to_owned())),
                (DROP, Verdict::Drop),
            ];
            let counts = COUNTS
                .iter()
                .map(|count| (pick(*count), jump(pick_chain(*count))));
            empty.into_iter().chain(counts).collect()
        }
        SetName::Timeouts => {
            let timeouts = TIMEOUTS.iter().enumerate();
            timeouts
                .map(|(index, seconds)| (timeout_bits(index), jump(remember_chain(*seconds))))
                .collect()
        }
        SetName::Kinds => [
            (Kind::Always, "masquerade_all"),
            (Kind::NotWorkloads, "masquerade_strangers"),
            (Kind::Node, "masquerade_node"),
        ]
        .map(|(kind, chain)| (kind as u32, jump(chain.to_owned())))
        .into(),
        _ => Vec::new(),
    }
}
