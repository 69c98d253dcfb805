//! Clusters as resources.

use portolan_model::{ClusterSpec, Digest, Family, PortRange, Refusal, State};

use super::world::{World, at, cluster_ip, created, name, node_port, reason, whole};
use crate::{
    Action, ClusterAction, Context, Inputs, NamespaceAction, NewCluster, Operation, Outcome,
    Preconditions, ServiceCidrAction, Update, Verb, decide,
};

fn spec() -> ClusterSpec {
    ClusterSpec {
        node_ports: PortRange {
            first: 30000,
            last: 32767,
        },
        dns_domain: "west.example".to_owned(),
        families: vec![Family::V4],
        endpoint_ranges: Vec::new(),
        workload_ranges: Vec::new(),
    }
}

fn create(spec: ClusterSpec, cidrs: &[&str]) -> Action {
    Action::Cluster(ClusterAction::Create(NewCluster {
        name: name("west"),
        spec,
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
    }))
}

/// A world whose cluster may be deleted.
fn west() -> World {
    let mut world = World::usual();
    world.state = State::default();
    world.run(create(spec(), &["10.96.0.0/16"])).unwrap();
    world
}

fn update(world: &mut World, spec: ClusterSpec) -> Result<Outcome, Refusal> {
    world.run(Action::Cluster(ClusterAction::Update(whole(spec))))
}

fn delete(world: &mut World, force: bool) -> Result<Outcome, Refusal> {
    world.run(Action::Cluster(ClusterAction::Delete {
        force,
        preconditions: Preconditions::default(),
    }))
}

#[test]
fn a_new_cluster_has_its_ranges_and_a_namespace() {
    for (what, families, cidrs, fits) in [
        ("IPv4", vec![Family::V4], &["10.0.0.0/24"][..], true),
        ("IPv6", vec![Family::V6], &["fd00::/112"], true),
        (
            "dual-stack",
            vec![Family::V4, Family::V6],
            &["10.0.0.0/24", "fd00::/112"],
            true,
        ),
        (
            "another order",
            vec![Family::V6, Family::V4],
            &["10.0.0.0/24", "fd00::/112"],
            true,
        ),
        (
            "a family without a range",
            vec![Family::V4, Family::V6],
            &["10.0.0.0/24"],
            false,
        ),
        (
            "a range without its family",
            vec![Family::V4],
            &["10.0.0.0/24", "fd00::/112"],
            false,
        ),
        (
            "a family twice",
            vec![Family::V4, Family::V4],
            &["10.0.0.0/24", "fd00::/112"],
            false,
        ),
        ("no range", vec![Family::V4], &[], false),
    ] {
        let mut world = World::usual();
        world.state = State::default();
        let asked = ClusterSpec { families, ..spec() };
        let primary = asked.families[0];
        let done = world.run(create(asked, cidrs));
        if !fits {
            assert_eq!(reason(&done.unwrap_err()), "INVALID", "{what}");
            continue;
        }
        assert_eq!(done.unwrap().verb, Verb::Created, "{what}");
        let service = world.create("web", cluster_ip()).expect(what);
        assert_eq!(service.spec.families, [primary], "{what}");
        let again = world.run(create(spec(), &["10.0.0.0/24"])).unwrap_err();
        assert_eq!(reason(&again), "ALREADY_EXISTS", "{what}");
    }
}

#[test]
fn settings_change_as_far_as_nobody_depends_on_them() {
    let ports = |first, last| ClusterSpec {
        node_ports: PortRange { first, last },
        ..spec()
    };
    let families = |families: &[Family]| ClusterSpec {
        families: families.to_vec(),
        ..spec()
    };
    let zone = |zone: &str| ClusterSpec {
        dns_domain: zone.to_owned(),
        ..spec()
    };
    let both = [Family::V4, Family::V6];
    for (what, asked, answer) in [
        ("a zone", zone("east.example"), Ok(Verb::Configured)),
        ("the same zone", zone("west.example"), Ok(Verb::Unchanged)),
        ("no zone", zone("-"), Err("INVALID")),
        ("more ports", ports(29000, 33000), Ok(Verb::Configured)),
        (
            "fewer ports that nobody holds",
            ports(30000, 30700),
            Ok(Verb::Configured),
        ),
        (
            "without ports that are held",
            ports(31000, 32767),
            Err("NODE_PORT_IN_USE"),
        ),
        (
            "ports the wrong way round",
            ports(32767, 30000),
            Err("INVALID"),
        ),
        ("a second family", families(&both), Ok(Verb::Configured)),
        (
            "another first family",
            families(&[Family::V6, Family::V4]),
            Err("IMMUTABLE"),
        ),
        ("no family", families(&[]), Err("INVALID")),
    ] {
        let mut world = west();
        let mut asking = node_port();
        asking.ports[0].node_port = Some(30500);
        world.create("web", asking).unwrap();
        world
            .run(Action::ServiceCidr(ServiceCidrAction::Create {
                name: name("six"),
                cidrs: vec!["fd00::/112".parse().unwrap()],
            }))
            .unwrap();
        let done = update(&mut world, asked).map(|outcome| outcome.verb);
        assert_eq!(done.map_err(|refusal| reason(&refusal)), answer, "{what}");
    }
}

#[test]
fn a_family_needs_a_range_first_and_never_goes() {
    let mut world = west();
    let both = ClusterSpec {
        families: vec![Family::V4, Family::V6],
        ..spec()
    };
    let refusal = update(&mut world, both.clone()).unwrap_err();
    assert_eq!(reason(&refusal), "RANGE");
    let cidrs = vec!["fd00::/112".parse().unwrap()];
    let name = name("six");
    world
        .run(Action::ServiceCidr(ServiceCidrAction::Create {
            name,
            cidrs,
        }))
        .unwrap();
    update(&mut world, both).unwrap();
    let refusal = update(&mut world, spec()).unwrap_err();
    assert_eq!(reason(&refusal), "IMMUTABLE");
}

#[test]
fn an_update_under_a_stale_etag_is_refused() {
    let mut world = west();
    let stale = world.run(Action::Cluster(ClusterAction::Update(Update {
        preconditions: Preconditions {
            etag: Some("\"stale\"".to_owned()),
            expected_uid: None,
        },
        ..whole(spec())
    })));
    assert_eq!(reason(&stale.unwrap_err()), "ETAG_MISMATCH");
    let other = world.run(Action::Cluster(ClusterAction::Delete {
        force: true,
        preconditions: Preconditions {
            etag: None,
            expected_uid: Some(portolan_model::Uid::from_random(1)),
        },
    }));
    assert_eq!(reason(&other.unwrap_err()), "UID_MISMATCH");
}

#[test]
fn a_cluster_is_deleted_empty_or_by_force_and_leaves_no_object() {
    for (what, fill) in [
        (
            "a Service",
            (|world| drop(world.create("web", cluster_ip()).unwrap())) as fn(&mut World),
        ),
        ("a workload", |world| {
            drop(world.workload("w", &[], at("10.0.0.1")));
        }),
        ("a node", |world| world.node("n1")),
    ] {
        let mut world = west();
        fill(&mut world);
        assert_eq!(
            reason(&delete(&mut world, false).unwrap_err()),
            "CLUSTER_NOT_EMPTY",
            "{what}"
        );
        let before = world.state.cluster().unwrap().meta.uid;
        let gone = delete(&mut world, true).unwrap();
        assert_eq!(gone.verb, Verb::Deleted, "{what}");
        assert_eq!(world.state.digest(), Digest::EMPTY, "{what}");
        let revision = world.state.revision();
        world.run(create(spec(), &["10.96.0.0/16"])).unwrap();
        let after = &world.state.cluster().unwrap().meta;
        assert!(after.uid != before && after.revision > revision, "{what}");
    }
    let mut world = west();
    world.namespace("team");
    delete(&mut world, false).expect("namespaces alone are nothing");
}

#[test]
fn the_cluster_default_stays() {
    let mut world = World::usual();
    assert_eq!(reason(&delete(&mut world, true).unwrap_err()), "POLICY");
}

#[test]
fn what_queued_behind_a_deletion_leaves_nothing() {
    let mut world = west();
    delete(&mut world, true).unwrap();
    let action = Action::Namespace(NamespaceAction::Put {
        name: name("late"),
        put: created(portolan_model::NamespaceSpec::default()),
    });
    let operation = Operation {
        action,
        context: Context::default(),
    };
    let inputs = Inputs {
        revision: world.state.revision().next(),
        now: world.now,
        seed: 1,
    };
    let refusal = decide(&world.state, &operation, inputs)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(reason(&refusal), "NOT_FOUND");
}
