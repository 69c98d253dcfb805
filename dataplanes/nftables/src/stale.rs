//! UDP connections that lead where nothing is any more, or whose clients are not let in any more: conntrack would send their
//! packets there as long as they come.

use std::net::SocketAddr;
use std::sync::Arc;

use portolan_dataplane::{Backend, Frontend, FrontendKey};
use portolan_model::Protocol;
use portolan_netlink::conntrack::Filter;
use portolan_nft::key::number;

use crate::render::kind;

/// What a change of a frontend leaves behind. TCP is left alone: connections to a backend that left end by themselves.
pub(crate) fn stale(
    key: FrontendKey,
    old: Option<&Arc<Frontend>>,
    new: Option<&Arc<Frontend>>,
) -> Vec<Filter> {
    if key.protocol != Protocol::Udp {
        return Vec::new();
    }
    let filter = |answered_from| Filter {
        protocol: number(key.protocol),
        destination: key.socket_addr(),
        answered_from,
        spared: Vec::new(),
    };
    let (before, now) = (backends(old), backends(new));
    // What came while there was nobody, also before the frontend itself, leads nowhere; and a source address that was replaced,
    // or kept, stays so as long as the flow.
    let both = old.zip(new);
    let other_source = both.is_some_and(|(old, new)| kind(old) != kind(new));
    if now.is_empty() || before.is_empty() || other_source {
        return vec![filter(None)];
    }
    let gone = before.iter().filter(|address| !now.contains(address));
    let gone = gone.map(|address| filter(Some(*address)));
    let other_ranges = both.filter(|(old, new)| old.source_ranges != new.source_ranges);
    let spared = other_ranges.map(|(_, new)| new.source_ranges.clone());
    let barred = spared
        .filter(|ranges| !ranges.is_empty())
        .map(|spared| Filter {
            spared,
            ..filter(None)
        });
    gone.chain(barred).collect()
}

fn backends(frontend: Option<&Arc<Frontend>>) -> Vec<SocketAddr> {
    let pools = frontend.into_iter().flat_map(|f| f.pools());
    let mut addresses: Vec<_> = pools
        .flat_map(|pool| &pool.backends)
        .map(Backend::socket_addr)
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::{backend, frontend};
    use portolan_model::view::Reach;

    use super::*;

    #[test]
    fn only_what_changed_is_stale() {
        let key = |protocol| FrontendKey {
            address: "10.96.0.1".parse().unwrap(),
            port: 53,
            protocol,
        };
        let at = |last: u8| SocketAddr::from(([10, 0, 0, last], 53));
        let with = |lasts: &[u8]| {
            let backends: Vec<_> = lasts.iter().map(|last| backend(*last, at(*last))).collect();
            Arc::new(frontend(1, &backends))
        };
        let (none, one, two) = (with(&[]), with(&[1]), with(&[1, 2]));
        let mut external = two.clone();
        Arc::make_mut(&mut external).reach = Reach::External;
        let ranges = ["192.0.2.0/24".parse().unwrap()];
        let mut guarded = two.clone();
        Arc::make_mut(&mut guarded).source_ranges = ranges.into();
        for (name, old, new, wanted) in [
            ("one leaves", Some(&two), Some(&one), vec![Some(at(2))]),
            ("one comes", Some(&one), Some(&two), vec![]),
            ("all leave", Some(&two), Some(&none), vec![None]),
            ("the frontend goes", Some(&two), None, vec![None]),
            ("the first comes", Some(&none), Some(&one), vec![None]),
            ("the frontend comes", None, Some(&one), vec![None]),
            ("it comes without backends", None, Some(&none), vec![None]),
            ("another source", Some(&two), Some(&external), vec![None]),
            ("nothing changes", Some(&one), Some(&one), vec![]),
            ("source ranges go", Some(&guarded), Some(&two), vec![]),
            ("source ranges stay", Some(&guarded), Some(&guarded), vec![]),
        ] {
            let filters = stale(key(Protocol::Udp), old, new).into_iter();
            assert_eq!(
                filters.map(|f| f.answered_from).collect::<Vec<_>>(),
                wanted,
                "{name}"
            );
        }
        let filters = stale(key(Protocol::Udp), Some(&two), Some(&guarded));
        let filters = filters.iter().map(|f| (f.answered_from, &f.spared[..]));
        assert!(filters.eq([(None, &ranges[..])]), "source ranges come");
        assert_eq!(stale(key(Protocol::Tcp), Some(&two), None), []);
    }
}
