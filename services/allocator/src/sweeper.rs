//! What happens by itself, later: freeing released addresses and ports as soon as no node can forward for them any
//! more, and removing ranges that are drained.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_model::{ClaimState, Revision, State, Timestamp, Uid};

use crate::decide::{Caps, is_drained};
use crate::{Action, Allocator, ClaimsAction, Context, Operation, ServiceCidrAction};

/// Pause between two looks. A look at an empty quarantine costs next to nothing.
const PAUSE: Duration = Duration::from_millis(250);
/// Claims per operation.
const BULK: usize = 2000;

/// Up to where each node would remember what it applied; a node that is not in it has acknowledged nothing.
pub type Acknowledged = HashMap<Uid, Revision>;

/// Looks again and again, for ever. `acknowledged` tells what nodes have durably applied without rejecting it.
pub async fn sweep(allocator: Allocator, acknowledged: impl Fn() -> Acknowledged + Send) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let (state, now) = (allocator.cache().state(), wall_clock());
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
    let caps = Caps::of(state);
    let forgotten = state
        .nodes()
        .map(|node| {
            acknowledged
                .get(&node.meta.uid)
                .copied()
                .unwrap_or_default()
        })
        .min()
        .unwrap_or(Revision(u64::MAX));
    let due = |claim: &ClaimState, cap: Duration| match claim {
        ClaimState::Quarantined {
            released_in,
            released_at,
        } => {
            let capped = Duration::from_micros(now.micros_since(*released_at)) > cap;
            if capped && *released_in > forgotten {
                tracing::warn!(
                    revision = released_in.0,
                    "released from quarantine by the cap, not by every node"
                );
            }
            (*released_in <= forgotten || capped).then_some(*released_in)
        }
        ClaimState::Held => None,
    };
    let addresses: Vec<_> = state
        .quarantined_addresses()
        .filter_map(|c| Some((c.address, due(&c.state, caps.address(c.address))?)))
        .take(BULK)
        .collect();
    let ports: Vec<_> = state
        .quarantined_ports()
        .filter_map(|c| Some((c.port, due(&c.state, caps.port())?)))
        .take(BULK)
        .collect();
    let nothing = addresses.is_empty() && ports.is_empty();
    (!nothing).then_some(Action::Claims(ClaimsAction::Release { addresses, ports }))
}

/// Only compared with a bound of minutes, so this process's clock will do.
fn wall_clock() -> Timestamp {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use portolan_model::{
        ClaimOwner, Cluster, ClusterSpec, IpClaim, Labels, Meta, Name, Node, NodeSpec, Object,
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
                Some(Action::Claims(ClaimsAction::Release { addresses, ports })) => {
                    (addresses.len(), ports.len())
                }
                Some(other) => panic!("{row}: {other:?}"),
            };
            assert_eq!(released, (addresses, ports), "{row}");
        }
    }
}
