//! What holds for every dataplane, told by what it observes.

use std::sync::Arc;

use portolan_model::{Family, Protocol};
use tokio::net::{TcpListener, UdpSocket};

use super::Lab;
use super::lab::{address, backend, frontend, key, node_state};
use crate::{Dataplane, FrontendKey, NodeState, RejectionCode, carried, plan};

/// One frontend a transport, each with one backend.
fn state<D: Dataplane>(lab: &Lab<D>) -> NodeState {
    let protocols = lab.protocols();
    let one = |protocol| {
        (
            key(protocol),
            frontend(1, &[backend(1, (address(), 1).into())]).into(),
        )
    };
    protocols.into_iter().map(one).collect()
}

/// Carrying out the same plan again rejects nothing and changes nothing.
pub async fn applying_twice_changes_nothing(mut lab: Lab<impl Dataplane>) {
    let (plan, _) = lab.carry(&state(&lab)).await;
    let before = lab.observe().await;
    let again = lab.dataplane.apply(&plan).await;
    assert_eq!(again.rejected, []);
    assert_eq!(lab.observe().await, before);
}

/// Whatever the steps, each ends where it should.
pub async fn what_is_observed_is_what_was_applied(mut lab: Lab<impl Dataplane>) {
    let first = state(&lab);
    let mut changed = first.clone();
    for frontend in changed.values_mut() {
        Arc::make_mut(frontend)
            .pool
            .backends
            .push(backend(2, (address(), 2).into()));
    }
    let mut emptied = first.clone();
    for frontend in emptied.values_mut() {
        Arc::make_mut(frontend).pool.backends.clear();
    }
    let mut more = first.clone();
    more.extend(state(&lab));
    let nothing = NodeState::new();
    for desired in [
        &first, &changed, &emptied, &changed, &more, &nothing, &first,
    ] {
        lab.carry_all(desired).await;
    }
}

/// Another round may have removed it already.
pub async fn removing_what_is_absent_is_fine(mut lab: Lab<impl Dataplane>) {
    lab.carry_all(&state(&lab)).await;
    let mut remove = crate::Plan::default();
    remove.remove.extend(state(&lab).into_keys());
    let before = lab.observe().await;
    assert_eq!(lab.dataplane.apply(&remove).await.rejected, []);
    assert_eq!(lab.observe().await, before);
}

/// Where the port of a frontend is taken by another program, a dataplane of sockets has to reject it and one in the
/// kernel need not. Either way each frontend is rejected or programmed, and the others are not concerned.
pub async fn one_bad_frontend_neither_stops_others_nor_loses_its_last_good_version(
    mut lab: Lab<impl Dataplane>,
) {
    for protocol in lab.protocols() {
        let (known, new) = (key(protocol), key(protocol));
        let empty = node_state([(known, frontend(1, &[]))]);
        lab.carry_all(&empty).await;
        let taken = (occupy(known).await, occupy(new).await);
        let mut desired = state(&lab);
        for bad in [known, new] {
            let wanted = frontend(1, &[backend(1, (address(), 1).into())]);
            desired.insert(bad, wanted.into());
        }

        let (_, applied) = lab.carry(&desired).await;
        let observed = lab.observe().await;
        let capabilities = lab.capabilities();
        for (key, wanted) in &desired {
            let wanted = Some(carried(wanted, &capabilities));
            let last_good = empty.get(key).cloned();
            let rejection = applied.rejected.iter().find(|r| r.key == *key);
            let expected = if rejection.is_some() {
                last_good
            } else {
                wanted
            };
            assert_eq!(observed.get(key).cloned(), expected, "{key}");
            assert!(
                rejection.is_none() || [known, new].contains(key),
                "{rejection:?}"
            );
            assert!(
                rejection.is_none_or(|r| !r.message.is_empty()),
                "{key}: says why"
            );
        }
        drop(taken);
        lab.carry_all(&desired).await;
    }
}

/// Keeps a port as another program would.
async fn occupy(key: FrontendKey) -> (Option<TcpListener>, Option<UdpSocket>) {
    let at = key.socket_addr();
    if key.protocol == Protocol::Tcp {
        (
            Some(TcpListener::bind(at).await.expect("a free TCP port")),
            None,
        )
    } else {
        (
            None,
            Some(UdpSocket::bind(at).await.expect("a free UDP port")),
        )
    }
}

/// What is not declared is UNSUPPORTED, with a reason, and an older version of it is removed.
pub async fn what_is_beyond_it_is_listed_and_not_carried(mut lab: Lab<impl Dataplane>) {
    let can = lab.capabilities();
    let protocol = lab.protocols()[0];
    let plain = Arc::new(frontend(1, &[]));
    let mut beyond = NodeState::new();
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        if !can.protocols.contains(&protocol) {
            beyond.insert(key(protocol), plain.clone());
        }
    }
    for (family, text) in [(Family::V4, "127.0.0.1"), (Family::V6, "::1")] {
        if !can.families.contains(&family) {
            let address = text.parse().expect("an address");
            let key = FrontendKey {
                address,
                ..key(protocol)
            };
            beyond.insert(key, plain.clone());
        }
    }
    if !can.affinity {
        let mut affine = plain.clone();
        Arc::make_mut(&mut affine).affinity_seconds = 10;
        beyond.insert(key(protocol), affine);
    }
    if !can.source_ranges {
        let mut limited = plain.clone();
        Arc::make_mut(&mut limited).source_ranges = vec!["192.0.2.0/24".parse().expect("a range")];
        beyond.insert(key(protocol), limited);
    }
    let (wanted, applied) = lab.carry(&beyond).await;
    assert_eq!(applied.rejected, []);
    assert_eq!(wanted.unsupported.len(), beyond.len());
    for rejected in &wanted.unsupported {
        assert_eq!(
            rejected.code,
            RejectionCode::UnsupportedFeature,
            "{rejected:?}"
        );
        assert!(!rejected.message.is_empty(), "{}: says why", rejected.key);
    }
    assert_eq!(lab.observe().await, NodeState::new());
}

/// All that is ours goes; the dataplane itself can still be used.
pub async fn cleanup_removes_everything_and_can_be_followed_by_more(mut lab: Lab<impl Dataplane>) {
    let desired = state(&lab);
    for _ in 0..2 {
        lab.carry_all(&desired).await;
        lab.dataplane
            .cleanup()
            .await
            .expect("everything can be removed");
        assert_eq!(lab.observe().await, NodeState::new());
        let left = plan(&NodeState::new(), &lab.observe().await, &lab.capabilities());
        assert!(left.is_empty());
    }
}
