//! What happens by itself, later: freeing released addresses and ports as soon as no node can forward for them any
//! more, and removing ranges that are drained.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use portolan_model::{Claim, ClaimState, Clock, Node, Revision, State, Timestamp, Uid};

use crate::decide::{Caps, is_drained};
use crate::{Action, Allocator, ClaimsAction, Context, Operation, ServiceCidrAction};

/// Pause between two looks. A look at an empty quarantine costs next to nothing.
const PAUSE: Duration = Duration::from_millis(250);
/// Claims of each kind per operation.
const BULK: usize = 2000;

/// Up to where each node would remember what it applied; a node that is not in it has acknowledged nothing.
pub type Acknowledged = HashMap<Uid, Revision>;

/// Looks again and again, for ever. `acknowledged` tells what nodes have durably applied without rejecting it.
pub async fn sweep(
    allocator: Allocator,
    clock: Arc<dyn Clock>,
    acknowledged: impl Fn() -> Acknowledged + Send,
) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let (state, now) = (allocator.cache().state(), clock.now());
        if let Some(action) = releasable(&state, &acknowledged(), now) {
            submit(&allocator, "ReleaseQuarantined", action).await;
        }
        if let Some(action) = removable(&state, now) {
            submit(&allocator, "RemoveDrained", action).await;
        }
    }
}

async fn submit(allocator: &Allocator, method: &'static str, action: Action) {
    let context = Context {
        method,
        principal: "portolan".to_owned(),
        ..Context::default()
    };
    if let Err(error) = allocator.submit(Operation { action, context }).await {
        tracing::debug!(method, error = %error, "put off");
    }
}

/// Ranges that are drained.
fn removable(state: &State, now: Timestamp) -> Option<Action> {
    let drained = state.service_cidrs().filter(|s| is_drained(state, s, now));
    let names: Vec<_> = drained.map(|s| s.meta.name.clone()).collect();
    (!names.is_empty()).then_some(Action::ServiceCidr(ServiceCidrAction::RemoveDrained {
        names,
    }))
}

/// What no registered node can still forward for, and what waited for too long.
fn releasable(state: &State, acknowledged: &Acknowledged, now: Timestamp) -> Option<Action> {
    if state.quarantined_addresses().next().is_none() && state.quarantined_ports().next().is_none()
    {
        return None;
    }
    let (caps, forgotten) = (Caps::of(state), forgotten(state, acknowledged));
    let due = |claim: Claim<'_>| match claim.state {
        ClaimState::Quarantined {
            released_in,
            released_at,
        } => {
            let waited = Duration::from_micros(now.micros_since(*released_at));
            let capped = waited > caps.for_claimed(claim.claimed);
            if capped && *released_in > forgotten {
                tracing::warn!(
                    revision = released_in.0,
                    "released from quarantine by the cap, not by every node"
                );
            }
            (*released_in <= forgotten || capped).then_some((claim.claimed, *released_in))
        }
        ClaimState::Held => None,
    };
    let addresses = state
        .quarantined_addresses()
        .map(|c| Claim::from(c.as_ref()));
    let ports = state.quarantined_ports().map(|c| Claim::from(c.as_ref()));
    let addresses = addresses.filter_map(due).take(BULK);
    let claims: Vec<_> = addresses.chain(ports.filter_map(due).take(BULK)).collect();
    (!claims.is_empty()).then_some(Action::Claims(ClaimsAction::Release { claims }))
}

/// The newest revision that every registered node has durably applied.
fn forgotten(state: &State, acknowledged: &Acknowledged) -> Revision {
    let of = |node: &Arc<Node>| acknowledged.get(&node.meta.uid).copied();
    let revisions = state.nodes().map(|node| of(node).unwrap_or_default());
    revisions.min().unwrap_or(Revision(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use portolan_model::{
        ClaimOwner, Claimed, Cluster, ClusterSpec, IpClaim, Labels, Meta, Name, NodeSpec, Object,
        PortClaim, PortRange, ServiceCidr,
    };

    use super::*;
    use crate::{QUARANTINE_CAP, QUARANTINE_CAP_FULL};

    fn meta(number: u128) -> Meta {
        Meta {
            name: Name::trusted(format!("x{number}")),
            uid: Uid::from_random(number << 64),
            generation: 1,
            labels: Labels::new(),
            annotations: Labels::new(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            created_in: Revision(1),
            revision: Revision(1),
        }
    }

    /// A node that never answers, 254 addresses, 100 ports; so many of both are taken, the first released at 0.
    fn state(taken: u8) -> State {
        let first = PortRange {
            first: 30_000,
            last: 30_099,
        };
        let cluster = Cluster {
            meta: meta(1),
            spec: ClusterSpec {
                node_ports: first,
                dns_domain: "cluster.local".to_owned(),
                families: vec![portolan_model::Family::V4],
                endpoint_ranges: Vec::new(),
                workload_ranges: Vec::new(),
            },
        };
        let range = ServiceCidr {
            meta: meta(2),
            cidrs: vec!["10.0.0.0/24".parse().unwrap()],
            draining_since: None,
        };
        let node = Node {
            meta: meta(3),
            spec: NodeSpec::default(),
            session: 0,
        };
        let owner = ClaimOwner {
            uid: meta(4).uid,
            namespace: Name::trusted("default"),
            name: Name::trusted("web"),
        };
        let of = |i| match i {
            1 => ClaimState::Quarantined {
                released_in: Revision(9),
                released_at: Timestamp(0),
            },
            _ => ClaimState::Held,
        };
        let claims = (1..=taken).flat_map(|i| {
            let address = IpClaim {
                address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, i)),
                owner: owner.clone(),
                state: of(i),
            };
            let port = PortClaim {
                port: 29_999 + u16::from(i),
                owner: owner.clone(),
                state: of(i),
            };
            [Object::from(address), port.into()]
        });
        let objects: Vec<_> = [cluster.into(), range.into(), node.into()]
            .into_iter()
            .chain(claims)
            .collect();
        State::from_objects(Revision(9), objects)
    }

    #[test]
    fn who_never_answers_is_waited_for_less_where_hardly_anything_is_free() {
        let after = |cap: Duration| Timestamp(i64::try_from(cap.as_micros()).unwrap() + 1);
        let (long, short) = (after(QUARANTINE_CAP), after(QUARANTINE_CAP_FULL));
        for (row, taken, now, addresses, ports) in [
            ("room, a minute", 95, short, 0, 0),
            ("room, ten minutes", 95, long, 1, 1),
            ("96 of 100 ports, a minute", 96, short, 0, 1),
            ("241 of 254 addresses, a minute", 241, short, 0, 1),
            ("242 of 254 addresses, a minute", 242, short, 1, 1),
            ("all of them, at once", 254, Timestamp(0), 0, 0),
        ] {
            let action = releasable(&state(taken), &Acknowledged::new(), now);
            let released = match action {
                None => (0, 0),
                Some(Action::Claims(ClaimsAction::Release { claims })) => {
                    let is_port = |(claimed, _): &&_| matches!(claimed, Claimed::Port(_));
                    let ports = claims.iter().filter(is_port).count();
                    (claims.len() - ports, ports)
                }
                Some(other) => panic!("{row}: {other:?}"),
            };
            assert_eq!(released, (addresses, ports), "{row}");
        }
    }
}
