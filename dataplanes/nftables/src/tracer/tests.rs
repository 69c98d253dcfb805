use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::testing::{backend, frontend, node_state, pool};
use portolan_dataplane::{Backend, Environment, Frontend, FrontendKey, NodeState};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_nft::{FrontendChange, compare, ranges};
use proptest::prelude::*;

use super::*;
use crate::mirror::Mirror;
use crate::recover::recover;

const POD: &str = "10.1.0.9";
const NODE: &str = "192.0.2.1";
const OUTSIDE: &str = "198.51.100.7";
const CLUSTER_IP: &str = "10.96.0.1:80";
const NODE_PORT: &str = "192.0.2.1:30080";
const BALANCER: &str = "203.0.113.5:80";

fn environment(workloads: &[&str]) -> Environment {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Environment {
        own: vec![NODE.parse().unwrap()],
        workload_ranges: nets(workloads),
        service_cidrs: nets(&["10.96.0.0/16"]),
    }
}

fn tracer(state: &NodeState, environment: &Environment) -> Tracer {
    let entries = Mirror::of(state.clone()).entries(&environment.own);
    Tracer::new(
        &entries,
        &ranges(environment, false, true),
        &environment.own,
    )
}

fn key(at: &str) -> FrontendKey {
    let at: SocketAddr = at.parse().unwrap();
    FrontendKey {
        address: at.ip(),
        port: at.port(),
        protocol: Protocol::Tcp,
    }
}

fn at(numbers: &[u8]) -> Vec<Backend> {
    let one = |n: &u8| backend(*n, SocketAddr::from(([10, 1, 0, *n], 8080)));
    numbers.iter().map(one).collect()
}

fn plain(numbers: &[u8]) -> Frontend {
    frontend(1, &at(numbers))
}

fn external(numbers: &[u8]) -> Frontend {
    Frontend {
        reach: Reach::External,
        ..plain(numbers)
    }
}

fn local(outside: &[u8], inside: &[u8]) -> Frontend {
    let mut frontend = external(outside);
    frontend.pool.when_empty = WhenEmpty::Drop;
    frontend.inside = Some(Box::new(pool(&at(inside))));
    frontend
}

fn syn(from: &str, to: &str) -> Packet {
    Packet {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        protocol: Protocol::Tcp,
        syn: true,
    }
}

/// The backends' numbers, and `m` where the source is replaced; or what else becomes of it.
fn fate(tracer: &mut Tracer, from: &str, to: &str) -> String {
    let mut fates: Vec<_> = (0..12)
        .map(|_| match tracer.trace(syn(from, to)) {
            Outcome::Forwarded(to, masqueraded) => {
                let IpAddr::V4(address) = to.ip() else {
                    panic!("{to}")
                };
                format!(
                    "{}{}",
                    address.octets()[3],
                    if masqueraded { "m" } else { "" }
                )
            }
            other => format!("{other:?}"),
        })
        .collect();
    fates.sort();
    fates.dedup();
    fates.join(" ")
}

/// The 27 flows; backend 1 runs here, 2 elsewhere.
#[test]
fn policies_decide_backends_and_sources() {
    let three = |cluster: Frontend, others: Frontend| {
        node_state([
            (key(CLUSTER_IP), cluster),
            (key(NODE_PORT), others.clone()),
            (key(BALANCER), others),
        ])
    };
    for (policy, state, rows) in [
        (
            "default",
            three(plain(&[1, 2]), external(&[1, 2])),
            [
                (POD, ["1 2", "1m 2m", "1m 2m"]),
                (NODE, ["1m 2m", "1m 2m", "1m 2m"]),
                (OUTSIDE, ["1m 2m", "1m 2m", "1m 2m"]),
            ],
        ),
        (
            "external Local",
            three(plain(&[1, 2]), local(&[1], &[1, 2])),
            [
                (POD, ["1 2", "1 2", "1 2"]),
                (NODE, ["1m 2m", "1m 2m", "1m 2m"]),
                (OUTSIDE, ["1m 2m", "1", "1"]),
            ],
        ),
        (
            "internal Local",
            three(plain(&[1]), external(&[1, 2])),
            [
                (POD, ["1", "1m 2m", "1m 2m"]),
                (NODE, ["1m", "1m 2m", "1m 2m"]),
                (OUTSIDE, ["1m", "1m 2m", "1m 2m"]),
            ],
        ),
    ] {
        let mut tracer = tracer(&state, &environment(&["10.1.0.0/16"]));
        for (from, wanted) in rows {
            for (to, wanted) in [CLUSTER_IP, NODE_PORT, BALANCER].into_iter().zip(wanted) {
                assert_eq!(
                    fate(&mut tracer, from, to),
                    wanted,
                    "{policy}: {from} to {to}"
                );
            }
        }
    }
    let state = three(plain(&[1, 2]), local(&[1], &[1, 2]));
    let mut unknown = tracer(&state, &environment(&[]));
    for (from, to, wanted) in [
        (POD, CLUSTER_IP, "1 2"),
        (POD, BALANCER, "1"),
        (OUTSIDE, CLUSTER_IP, "1 2"),
    ] {
        assert_eq!(
            fate(&mut unknown, from, to),
            wanted,
            "workloads unknown: {from} to {to}"
        );
    }
}

#[test]
fn what_is_not_a_service_is_left_refused_or_dropped() {
    let state = node_state([
        (key(CLUSTER_IP), plain(&[])),
        (key("10.96.0.2:80"), plain(&[9])),
        (key(BALANCER), local(&[], &[2])),
    ]);
    let mut tracer = tracer(&state, &environment(&["10.1.0.0/16"]));
    for (name, from, to, wanted) in [
        ("no backend", OUTSIDE, CLUSTER_IP, "Refused"),
        ("another port", POD, "10.96.0.1:81", "Refused"),
        ("an address of nobody", POD, "10.96.7.7:80", "Dropped"),
        ("backends elsewhere", OUTSIDE, BALANCER, "Dropped"),
        ("inside they are reached", POD, BALANCER, "2"),
        (
            "another port of a load balancer",
            OUTSIDE,
            "203.0.113.5:81",
            "Untouched",
        ),
        ("somebody else's address", POD, "192.0.2.99:80", "Untouched"),
        ("itself", POD, "10.96.0.2:80", "9m"),
    ] {
        assert_eq!(fate(&mut tracer, from, to), wanted, "{name}");
    }
    let middle = Packet {
        syn: false,
        ..syn(POD, "10.96.0.2:80")
    };
    assert_eq!(
        tracer.trace(middle),
        Outcome::Untouched,
        "in the middle of a flow"
    );
}

#[test]
fn clients_move_once_and_others_never() {
    let affine = |numbers: &[u8]| {
        let mut frontend = plain(numbers);
        frontend.affinity_seconds = 10;
        node_state([(key(CLUSTER_IP), frontend)])
    };
    let environment = environment(&["10.1.0.0/16"]);
    let clients: Vec<_> = (20..50).map(|n| format!("10.1.0.{n}")).collect();
    let mut before = tracer(&affine(&[1, 2, 3]), &environment);
    let first: Vec<_> = clients
        .iter()
        .map(|from| fate(&mut before, from, CLUSTER_IP))
        .collect();
    assert!(
        first.iter().all(|fate| fate.len() == 1),
        "each has one: {first:?}"
    );
    assert!(
        ["1", "2", "3"]
            .iter()
            .all(|n| first.iter().any(|fate| fate == n)),
        "all are used"
    );
    assert!(before.remembered.values().all(|seconds| *seconds == 10));

    let mut after = tracer(&affine(&[1, 3, 4]), &environment);
    let memory = (Family::V4, SetName::Affinity);
    after
        .elements
        .insert(memory, before.elements.remove(&memory).unwrap());
    for (from, first) in clients.iter().zip(&first) {
        let moved = fate(&mut after, from, CLUSTER_IP);
        assert_eq!(moved.len(), 1, "{from}: one again");
        assert_eq!(
            moved == *first,
            first != "2",
            "{from}: only clients of 2 move"
        );
    }
}

fn any_pool() -> impl Strategy<Value = Vec<Backend>> {
    prop::collection::btree_map(1u8..60, 1u32..4, 0..40).prop_map(|numbers| {
        let one = |(n, weight): (u8, u32)| Backend {
            weight,
            ..at(&[n])[0]
        };
        numbers.into_iter().map(one).collect()
    })
}

prop_compose! {
    fn any_frontend()(
        backends in any_pool(),
        inside in prop::option::of(any_pool()),
        [external, drops, guarded] in any::<[bool; 3]>(),
        affinity_seconds in prop_oneof![Just(0), 1u32..90_000],
        name in "[a-z]{1,40}",
    ) -> Frontend {
        let mut frontend = plain(&[]);
        frontend.pool.backends = backends;
        frontend.affinity_seconds = affinity_seconds;
        frontend.service.port = name;
        if external {
            frontend.reach = Reach::External;
            frontend.inside = inside.map(|backends| Box::new(pool(&backends)));
        }
        if drops {
            frontend.pool.when_empty = WhenEmpty::Drop;
        }
        if guarded {
            frontend.source_ranges = vec!["192.0.2.0/24".parse().unwrap(), "10.0.0.0/9".parse().unwrap()];
        }
        frontend
    }
}

fn any_state() -> impl Strategy<Value = NodeState> {
    let key = (1u8..4, 80u16..83).prop_map(|(last, port)| key(&format!("10.96.0.{last}:{port}")));
    prop::collection::btree_map(key, any_frontend().prop_map(Arc::new), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_rendered_is_recovered(state in any_state()) {
        let own = [NODE.parse().unwrap()];
        let entries = Mirror::of(state.clone()).entries(&own);
        prop_assert_eq!(recover(&entries), state);
    }

    #[test]
    fn a_difference_leads_from_any_state_to_any_other(old in any_state(), new in any_state()) {
        let own = [NODE.parse().unwrap()];
        let mut mirror = Mirror::of(old.clone());
        let gone = old.keys().filter(|key| !new.contains_key(key)).map(|key| (*key, None));
        let put = new.iter().map(|(key, frontend)| (*key, Some(frontend.clone())));
        let changes: Vec<_> = gone.chain(put).map(|(key, frontend)| FrontendChange { key, frontend }).collect();
        let wanted = compare(mirror.entries(&own), Mirror::of(new.clone()).entries(&own));
        prop_assert_eq!(mirror.difference(&changes, &own, &own), wanted);
        mirror.absorb(changes);
        prop_assert_eq!(mirror.entries(&own), Mirror::of(new.clone()).entries(&own));
        prop_assert_eq!(mirror.state(), &new);
    }

    #[test]
    fn every_client_reaches_a_backend_of_its_pool_or_is_told_otherwise(frontend in any_frontend()) {
        let state = node_state([(key(CLUSTER_IP), frontend.clone())]);
        let mut tracer = tracer(&state, &environment(&["10.1.0.0/16"]));
        for from in [POD, OUTSIDE] {
            let may = frontend.source_ranges.is_empty() || from == POD;
            let inside = frontend.inside.as_deref().filter(|_| from == POD);
            let pool = inside.unwrap_or(&frontend.pool);
            for _ in 0..8 {
                let outcome = tracer.trace(syn(from, CLUSTER_IP));
                match outcome {
                    Outcome::Forwarded(to, _) => prop_assert!(may && pool.backends.iter().any(|b| b.socket_addr() == to)),
                    Outcome::Refused => prop_assert!(may && pool.backends.is_empty() && pool.when_empty == WhenEmpty::Reject),
                    Outcome::Dropped => prop_assert!(!may || pool.backends.is_empty() && pool.when_empty == WhenEmpty::Drop),
                    Outcome::Untouched => prop_assert!(false, "it is ours"),
                }
            }
        }
    }
}
