//! What holds after any sequence of operations.

use std::collections::BTreeMap;

use portolan_model::{ClaimState, ServiceSpec, ServiceType, State, Uid};
use proptest::prelude::*;

use super::world::{World, at, cluster_ip, node_port, pairs, port, scoped, with_address};
use crate::{Action, DeleteMode};

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Shape),
    Delete(u8),
    Workload(u8, u8),
    DeleteWorkload(u8),
    Node,
    Release,
}

#[derive(Clone, Debug)]
enum Shape {
    ClusterIp,
    Asking(u8),
    NodePort,
    NodePortAsking(u16),
    Alias,
}

fn step() -> impl Strategy<Value = Step> {
    let shape = prop_oneof![
        Just(Shape::ClusterIp),
        (0u8..16).prop_map(Shape::Asking),
        Just(Shape::NodePort),
        (30000u16..30006).prop_map(Shape::NodePortAsking),
        Just(Shape::Alias),
    ];
    prop_oneof![
        6 => (0u8..8, shape).prop_map(|(key, shape)| Step::Put(key, shape)),
        3 => (0u8..8).prop_map(Step::Delete),
        2 => (0u8..4, 0u8..3).prop_map(|(key, app)| Step::Workload(key, app)),
        1 => (0u8..4).prop_map(Step::DeleteWorkload),
        1 => Just(Step::Node),
        2 => Just(Step::Release),
    ]
}

fn spec(shape: &Shape, key: u8) -> ServiceSpec {
    let spec = match shape {
        Shape::ClusterIp => cluster_ip(),
        Shape::Asking(n) => with_address(&format!("10.0.0.{n}")),
        Shape::NodePort => node_port(),
        Shape::NodePortAsking(n) => {
            let mut asked = port("", 80);
            asked.node_port = Some(*n);
            ServiceSpec {
                ports: vec![asked],
                ..node_port()
            }
        }
        Shape::Alias => {
            let external_name = Some("example.com".to_owned());
            ServiceSpec {
                kind: ServiceType::ExternalName,
                external_name,
                ..ServiceSpec::default()
            }
        }
    };
    ServiceSpec {
        selector: pairs(&[("app", ["a", "b", "c"][usize::from(key) % 3])]).into(),
        ..spec
    }
}

fn run(world: &mut World, step: &Step) {
    let before = (world.state.digest(), world.state.revision());
    let result = match step {
        Step::Put(key, shape) => world.apply(&format!("s{key}"), spec(shape, *key)).map(drop),
        Step::Delete(key) => world.delete(&format!("s{key}")).map(drop),
        Step::Workload(key, app) => {
            let address = format!("192.0.2.{}", key + 1);
            world.workload(
                &format!("w{key}"),
                &[("app", ["a", "b", "c"][usize::from(*app)])],
                at(&address),
            );
            Ok(())
        }
        Step::DeleteWorkload(key) => {
            let key = scoped(&format!("w{key}"));
            world
                .run(Action::DeleteWorkload {
                    key,
                    mode: DeleteMode::default(),
                })
                .map(drop)
        }
        Step::Node => {
            let name = format!("n{}", world.state.revision());
            world.node(&name);
            Ok(())
        }
        Step::Release => world.run(everything_quarantined(&world.state)).map(drop),
    };
    if result.is_err() {
        assert_eq!(
            (world.state.digest(), world.state.revision()),
            before,
            "a refusal changes nothing"
        );
    }
}

fn everything_quarantined(state: &State) -> Action {
    let since = |claim: &ClaimState| match claim {
        ClaimState::Quarantined { released_in, .. } => Some(*released_in),
        ClaimState::Held => None,
    };
    Action::ReleaseQuarantined {
        addresses: state
            .quarantined_addresses()
            .filter_map(|c| Some((c.address, since(&c.state)?)))
            .collect(),
        ports: state
            .quarantined_ports()
            .filter_map(|c| Some((c.port, since(&c.state)?)))
            .collect(),
    }
}

/// I10, I11, I14: every claim has one owner that exists and uses it, or it is in quarantine; and the other way round.
fn check_claims(state: &State) {
    let mut used: BTreeMap<String, Uid> = BTreeMap::new();
    for service in state.services_after(None, None) {
        let addresses = service
            .spec
            .cluster_ips
            .addresses()
            .iter()
            .map(ToString::to_string);
        let ports = service
            .spec
            .ports
            .iter()
            .filter_map(|port| port.node_port)
            .map(|port| port.to_string());
        for thing in addresses.chain(ports.collect::<std::collections::BTreeSet<_>>()) {
            assert_eq!(
                used.insert(thing.clone(), service.meta.uid),
                None,
                "{thing} has two owners"
            );
        }
    }
    let mut held = BTreeMap::new();
    let addresses = state
        .ip_claims()
        .map(|c| (c.address.to_string(), c.owner.uid, c.state.is_held()));
    let ports = state
        .port_claims()
        .map(|c| (c.port.to_string(), c.owner.uid, c.state.is_held()));
    for (thing, owner, is_held) in addresses.chain(ports) {
        if is_held {
            held.insert(thing, owner);
        } else {
            assert!(
                !used.contains_key(&thing),
                "{thing} is used, but in quarantine"
            );
        }
    }
    assert_eq!(used, held);
    let counted = state.service_ranges()[0].count(state.occupied_addresses());
    assert_eq!(
        counted,
        state.ip_claims().count() as u64,
        "the bitmap equals the claims"
    );
}

/// Endpoints are exactly what selectors and workloads say.
fn check_endpoints(state: &State) {
    for service in state.services_after(None, None) {
        let expected = if service.spec.kind == ServiceType::ExternalName {
            0
        } else {
            state
                .workloads_matching(&service.namespace, &service.spec.selector)
                .len()
        };
        assert_eq!(
            state.endpoints_of(service).count(),
            expected,
            "{}",
            service.key()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn claims_and_endpoints_always_fit_the_services(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new("10.0.0.0/28", (30000, 30005));
        for step in &steps {
            run(&mut world, step);
            check_claims(&world.state);
            check_endpoints(&world.state);
        }
        let objects: Vec<_> = world.state.objects().collect();
        let again = State::from_objects(world.state.revision(), objects);
        prop_assert_eq!(again.digest(), world.state.digest());
    }
}
