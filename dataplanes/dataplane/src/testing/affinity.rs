//! Session affinity by client address, where it is declared. Without it the contract's cases see it listed as unsupported.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Lab;
use super::client::ask_from;
use super::echo::Echo;
use super::lab::{address, backend, frontend, key, node_state};
use crate::{Dataplane, Frontend, FrontendKey};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Connections that a balanced client would hardly make to one backend by chance: 3^-24 is 4 in 10^12.
const ROUNDS: usize = 25;
const HOURS: u32 = 10_800;

async fn asked(key: FrontendKey, client: IpAddr) -> String {
    ask_from(key, client).await.expect("somebody answers")
}

fn affine(servers: &[&Echo], seconds: u32) -> Frontend {
    let numbered = (1..).zip(servers);
    let backends: Vec<_> = numbered
        .map(|(n, server)| backend(n, server.address))
        .collect();
    Frontend {
        affinity_seconds: seconds,
        ..frontend(1, &backends)
    }
}

async fn servers(protocol: portolan_model::Protocol) -> Vec<Echo> {
    let mut servers = Vec::new();
    for name in NAMES {
        servers.push(Echo::new(protocol, name, address()).await);
    }
    servers
}

/// Every client stays where it is, also while other backends come and go; together they use all backends.
pub async fn a_client_keeps_its_backend_whatever_happens_to_others(mut lab: Lab<impl Dataplane>) {
    if !lab.capabilities().affinity {
        return;
    }
    for protocol in lab.protocols() {
        let servers = servers(protocol).await;
        let all: Vec<_> = servers.iter().collect();
        let at = key(protocol);
        lab.carry_all(&node_state([(at, affine(&all, HOURS))]))
            .await;
        let clients = (1..=40).map(|n| IpAddr::from(Ipv4Addr::new(127, 0, 7, n)));
        let mut homes = BTreeMap::new();
        for client in clients {
            homes.insert(client, asked(at, client).await);
        }
        // All 40 on two of three backends: 3 · (2/3)^40, one in four million.
        assert_eq!(
            homes.values().collect::<BTreeSet<_>>().len(),
            3,
            "{protocol}"
        );
        for _ in 0..ROUNDS {
            for (client, home) in homes.iter().take(3) {
                assert_eq!(asked(at, *client).await, *home, "{protocol}");
            }
        }
        let gone = homes.values().next().expect("a client").clone();
        let left: Vec<_> = servers.iter().filter(|s| s.name != gone).collect();
        let mut fewer = affine(&all, HOURS);
        fewer.pool.backends.retain(|backend| {
            left.iter()
                .any(|server| server.address == backend.socket_addr())
        });
        lab.carry_all(&node_state([(at, fewer)])).await;
        for (client, home) in homes.iter().filter(|(_, home)| **home != gone) {
            assert_eq!(asked(at, *client).await, *home, "{protocol}: others stay");
        }
    }
}

/// Clients of a removed backend move once, to one other.
pub async fn a_client_of_a_removed_backend_moves_once(mut lab: Lab<impl Dataplane>) {
    if !lab.capabilities().affinity {
        return;
    }
    for protocol in lab.protocols() {
        let servers = servers(protocol).await;
        let all: Vec<_> = servers.iter().collect();
        let at = key(protocol);
        lab.carry_all(&node_state([(at, affine(&all, HOURS))]))
            .await;
        let client = Ipv4Addr::new(127, 0, 8, 1).into();
        let home = asked(at, client).await;
        let mut fewer = affine(&all, HOURS);
        let lost = servers.iter().find(|s| s.name == home);
        let lost = lost.expect("one of the servers").address;
        fewer.pool.backends.retain(|b| b.socket_addr() != lost);
        lab.carry_all(&node_state([(at, fewer)])).await;
        let next = asked(at, client).await;
        assert_ne!(next, home, "{protocol}");
        lab.carry_all(&node_state([(at, affine(&all, HOURS))]))
            .await;
        for _ in 0..ROUNDS {
            assert_eq!(asked(at, client).await, next, "{protocol}: it moves once");
        }
    }
}

/// A client that was away for longer than the timeout is balanced again.
pub async fn a_client_is_free_after_its_timeout(mut lab: Lab<impl Dataplane>) {
    if !lab.capabilities().affinity {
        return;
    }
    let protocol = lab.protocols()[0];
    let servers = servers(protocol).await;
    let all: Vec<_> = servers.iter().collect();
    let at = key(protocol);
    lab.carry_all(&node_state([(at, affine(&all, 1))])).await;
    let client = Ipv4Addr::new(127, 0, 9, 1).into();
    let home = asked(at, client).await;
    for _ in 0..ROUNDS {
        // The time itself is what is tested: it has to pass.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        if asked(at, client).await != home {
            return;
        }
    }
    panic!("the client is never balanced again");
}
