//! UDP flows that conntrack would treat as it did before: refused or passed by, with another source, or known where nobody
//! serves any more.

use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey};
use portolan_model::Protocol;
use portolan_netlink::conntrack::Filter;

use crate::entry::number;
use crate::render::{is_served, kind};

/// The flows that a change of a frontend begins anew. IPVS itself forgets those to a backend that left; TCP is left alone.
pub(crate) fn stale(
    key: FrontendKey,
    old: Option<&Arc<Frontend>>,
    new: Option<&Arc<Frontend>>,
) -> Option<Filter> {
    let served = |frontend: Option<&Arc<Frontend>>| frontend.is_some_and(|f| is_served(f));
    let other_source = old
        .zip(new)
        .is_some_and(|(old, new)| kind(old) != kind(new));
    let anew = !served(old) || !served(new) || other_source;
    (key.protocol == Protocol::Udp && anew).then(|| Filter {
        protocol: number(key.protocol),
        destination: key.socket_addr(),
        answered_from: None,
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
        for (name, old, new, wanted) in [
            ("one leaves", Some(&two), Some(&one), false),
            ("one comes", Some(&one), Some(&two), false),
            ("all leave", Some(&two), Some(&none), true),
            ("the frontend goes", Some(&two), None, true),
            ("the first comes", Some(&none), Some(&one), true),
            ("the frontend comes", None, Some(&one), true),
            ("another source", Some(&two), Some(&external), true),
            ("nothing changes", Some(&one), Some(&one), false),
        ] {
            let is_stale = stale(key(Protocol::Udp), old, new).is_some();
            assert_eq!(is_stale, wanted, "{name}");
        }
        assert_eq!(stale(key(Protocol::Tcp), Some(&two), None), None);
    }
}
