//! UDP flows that conntrack would treat as it did before: refused or passed by, with another source, known where nobody
//! serves any more, or let in.

use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey};
use portolan_model::Protocol;
use portolan_netlink::conntrack::Filter;
use portolan_nft::key::number;

use crate::render::{is_served, kind};

/// The flows that a change of a frontend begins anew. IPVS itself forgets those to a backend that left; TCP is left alone.
pub(crate) fn stale(
    key: FrontendKey,
    old: Option<&Arc<Frontend>>,
    new: Option<&Arc<Frontend>>,
) -> Option<Filter> {
    let served = |frontend: Option<&Arc<Frontend>>| frontend.is_some_and(|f| is_served(f));
    let both = old.zip(new);
    let other_source = both.is_some_and(|(old, new)| kind(old) != kind(new));
    let other_ranges = both.filter(|(old, new)| old.source_ranges != new.source_ranges);
    let spared = if !served(old) || !served(new) || other_source {
        Vec::new()
    } else {
        let ranges = other_ranges.map(|(_, new)| new.source_ranges.clone());
        ranges.filter(|ranges| !ranges.is_empty())?
    };
    (key.protocol == Protocol::Udp).then(|| Filter {
        protocol: number(key.protocol),
        destination: key.socket_addr(),
        answered_from: None,
        spared,
    })
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::{backend, frontend};
    use portolan_model::view::Reach;

    use super::*;

    #[test]
    fn only_what_ipvs_does_not_know_of_is_stale() {
        let key = |protocol| FrontendKey {
            address: "10.96.0.1".parse().unwrap(),
            port: 53,
            protocol,
        };
        let with = |lasts: &[u8]| {
            let at = |last: &u8| backend(*last, ([10, 0, 0, *last], 53).into());
            Arc::new(frontend(1, &lasts.iter().map(at).collect::<Vec<_>>()))
        };
        let (none, one, two) = (with(&[]), with(&[1]), with(&[1, 2]));
        let mut external = two.clone();
        Arc::make_mut(&mut external).reach = Reach::External;
        let ranges = ["192.0.2.0/24".parse().unwrap()];
        let mut guarded = two.clone();
        Arc::make_mut(&mut guarded).source_ranges = ranges.into();
        let nobody = Some(&[][..]);
        for (name, old, new, spared) in [
            ("one leaves", Some(&two), Some(&one), None),
            ("one comes", Some(&one), Some(&two), None),
            ("all leave", Some(&two), Some(&none), nobody),
            ("the frontend goes", Some(&two), None, nobody),
            ("the first comes", Some(&none), Some(&one), nobody),
            ("the frontend comes", None, Some(&one), nobody),
            ("another source", Some(&two), Some(&external), nobody),
            (
                "source ranges come",
                Some(&two),
                Some(&guarded),
                Some(&ranges[..]),
            ),
            ("source ranges go", Some(&guarded), Some(&two), None),
            ("source ranges stay", Some(&guarded), Some(&guarded), None),
            ("nothing changes", Some(&one), Some(&one), None),
        ] {
            let filter = stale(key(Protocol::Udp), old, new);
            assert_eq!(filter.as_ref().map(|f| &f.spared[..]), spared, "{name}");
        }
        assert_eq!(stale(key(Protocol::Tcp), Some(&two), None), None);
    }
}
