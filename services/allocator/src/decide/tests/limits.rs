//! What namespaces may hold, and where their endpoints may point.

use std::net::IpAddr;

use portolan_model::view::{View, project, touched};
use portolan_model::{
    Change, ClusterSpec, NamespaceSpec, Object, Quota, Refusal, ServiceSpec, ServiceType, State,
    Usage,
};

use super::world::{
    World, applied, at, cluster_ip, ip, name, node_port, pairs, reason, scoped, selecting, whole,
};
use crate::{
    Action, ClusterAction, Context, EndpointAction, EndpointParams, Inputs, NamespaceAction,
    Operation, Outcome, Params, Put, Verb, Write, decide,
};

fn limit(world: &mut World, spec: NamespaceSpec) -> Outcome {
    let (name, put) = (name("team"), applied(whole(spec)));
    world
        .run(Action::Namespace(NamespaceAction::Put { name, put }))
        .unwrap()
}

fn limited(quota: Quota) -> World {
    let mut world = World::usual();
    let spec = NamespaceSpec {
        quota,
        ..NamespaceSpec::default()
    };
    limit(&mut world, spec);
    world
}

fn by_hand(world: &mut World, addresses: &[&str]) -> Result<Outcome, Refusal> {
    let endpoint = |address: &&str| EndpointParams {
        address: ip(address),
        ports: Vec::new(),
        node: None,
        zone: String::new(),
        hostname: None,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
    };
    world.run(Action::Endpoint(EndpointAction::Replace {
        service: scoped("team/hand"),
        source: "test".to_owned(),
        endpoints: addresses.iter().map(endpoint).collect(),
    }))
}

fn workload(world: &mut World, key: &str) -> Result<Outcome, Refusal> {
    let params = Params {
        labels: pairs(&[("app", "web")]),
        spec: at(&format!("10.0.0.{}", 1 + key.len())),
        ..Params::default()
    };
    world.run(Action::Workload(Write::Put {
        key: scoped(&format!("team/{key}")),
        put: Put::Create(params),
    }))
}

fn load_balancer() -> ServiceSpec {
    ServiceSpec {
        kind: ServiceType::LoadBalancer,
        allocate_node_ports: Some(false),
        ..cluster_ip()
    }
}

#[test]
fn one_more_than_a_namespace_may_hold_is_refused_with_the_counts() {
    let quota = Quota {
        services: Some(2),
        ..Quota::default()
    };
    let mut world = limited(quota);
    world.create("team/a", cluster_ip()).unwrap();
    world.create("team/b", cluster_ip()).unwrap();
    let Refusal::Exhausted {
        reason,
        subject,
        used,
        capacity,
        ..
    } = world.create("team/c", cluster_ip()).unwrap_err()
    else {
        panic!("another refusal");
    };
    assert_eq!(
        (reason.as_str(), subject.as_str(), used, capacity),
        (
            "QUOTA_EXCEEDED",
            "namespaces/team/spec.quota.services",
            2,
            2
        )
    );
    world
        .create("elsewhere", cluster_ip())
        .expect("another namespace");
    world.delete("team/a").unwrap();
    world
        .create("team/c", cluster_ip())
        .expect("there is room again");
}

#[test]
fn every_kind_is_limited_by_itself() {
    let one = Some(1);
    for (what, quota, first, second) in [
        (
            "node ports",
            Quota {
                node_ports: one,
                ..Quota::default()
            },
            node_port(),
            node_port(),
        ),
        (
            "load balancers",
            Quota {
                load_balancers: one,
                ..Quota::default()
            },
            load_balancer(),
            load_balancer(),
        ),
    ] {
        let mut world = limited(quota);
        world.create("team/a", first.clone()).expect(what);
        assert_eq!(
            reason(&world.create("team/b", second.clone()).unwrap_err()),
            "QUOTA_EXCEEDED",
            "{what}"
        );
        world.create("team/b", cluster_ip()).expect(what);
        assert_eq!(
            reason(&world.apply("team/b", second).unwrap_err()),
            "QUOTA_EXCEEDED",
            "{what}"
        );
        world.apply("team/a", first).expect("what is there stays");
        world.apply("team/a", cluster_ip()).expect(what);
        assert_eq!(
            world.state.usage(&name("team")),
            Usage {
                services: 2,
                ..Usage::default()
            },
            "{what}"
        );
    }
}

#[test]
fn endpoints_count_wherever_they_come_from() {
    let quota = Quota {
        endpoints: Some(2),
        ..Quota::default()
    };
    let mut world = limited(quota);
    world
        .create("team/web", selecting(&[("app", "web")]))
        .unwrap();
    world.create("team/hand", cluster_ip()).unwrap();
    workload(&mut world, "a").unwrap();
    by_hand(&mut world, &["10.1.0.1"]).unwrap();
    assert_eq!(
        reason(&workload(&mut world, "bb").unwrap_err()),
        "QUOTA_EXCEEDED"
    );
    assert_eq!(
        reason(&by_hand(&mut world, &["10.1.0.1", "10.1.0.2"]).unwrap_err()),
        "QUOTA_EXCEEDED"
    );
    assert_eq!(
        reason(
            &world
                .create("team/too", selecting(&[("app", "web")]))
                .unwrap_err()
        ),
        "QUOTA_EXCEEDED",
        "a selector that finds one more"
    );
    by_hand(&mut world, &["10.1.0.2"]).expect("another one in its place");
    by_hand(&mut world, &[]).unwrap();
    workload(&mut world, "bb").expect("there is room again");
}

#[test]
fn a_lower_limit_takes_nothing_away() {
    let mut world = limited(Quota::default());
    for key in ["a", "b", "c"] {
        world.create(&format!("team/{key}"), cluster_ip()).unwrap();
    }
    let spec = NamespaceSpec {
        quota: Quota {
            services: Some(1),
            ..Quota::default()
        },
        ..NamespaceSpec::default()
    };
    assert_eq!(limit(&mut world, spec).verb, Verb::Configured);
    world
        .apply("team/a", node_port())
        .expect("it changes as before");
    world.delete("team/a").unwrap();
    assert_eq!(
        reason(&world.create("team/d", cluster_ip()).unwrap_err()),
        "QUOTA_EXCEEDED"
    );
}

#[test]
fn hand_written_endpoints_lie_in_the_grant_of_their_namespace() {
    let mut world = World::usual();
    let spec = NamespaceSpec {
        endpoint_ranges: vec![
            "10.1.0.0/16".parse().unwrap(),
            "169.254.0.0/16".parse().unwrap(),
        ],
        ..NamespaceSpec::default()
    };
    let outcome = limit(&mut world, spec);
    let Some(Object::Namespace(namespace)) = outcome.objects.first() else {
        panic!("no namespace");
    };
    assert_eq!(namespace.spec.endpoint_ranges.len(), 2);
    world.create("team/hand", cluster_ip()).unwrap();
    for (what, address, expected) in [
        ("inside", "10.1.2.3", None),
        ("outside", "10.2.0.1", Some("RANGE")),
        (
            "link-local, though granted",
            "169.254.169.254",
            Some("INVALID"),
        ),
        ("a virtual address", "10.96.0.1", Some("RANGE")),
    ] {
        let refused = by_hand(&mut world, &[address]).err();
        assert_eq!(refused.as_ref().map(reason), expected, "{what}");
    }
    world
        .create("team/web", selecting(&[("app", "web")]))
        .unwrap();
    workload(&mut world, "elsewhere").expect("grants are about what is written by hand");
}

/// Addresses of the endpoints that nodes are told of, and whether what the last changes touched leads there, too.
fn told(world: &World, last: &[Change], before: &State) -> (Vec<IpAddr>, bool) {
    let mut views = project(before);
    for (key, view) in touched(&world.state, last) {
        match view {
            Some(view) => drop(views.insert(key, view)),
            None => drop(views.remove(&key)),
        }
    }
    let all = project(&world.state);
    let endpoints = all.values().filter_map(|view| match view {
        View::Endpoint(endpoint) => Some(endpoint.address),
        _ => None,
    });
    (endpoints.collect(), views == all)
}

fn grant(range: &str) -> Action {
    let spec = NamespaceSpec {
        endpoint_ranges: vec![range.parse().unwrap()],
        ..NamespaceSpec::default()
    };
    Action::Namespace(NamespaceAction::Put {
        name: name("team"),
        put: Put::Update {
            update: whole(spec),
            allow_missing: false,
        },
    })
}

fn cluster(world: &World, range: &str) -> Action {
    let spec = ClusterSpec {
        endpoint_ranges: vec![range.parse().unwrap()],
        ..world.state.cluster().unwrap().spec.clone()
    };
    Action::Cluster(ClusterAction::Update(whole(spec)))
}

#[test]
fn nodes_are_told_of_no_endpoint_outside_the_grants_of_today() {
    let mut world = World::usual();
    limit(&mut world, NamespaceSpec::default());
    world.create("team/hand", cluster_ip()).unwrap();
    by_hand(&mut world, &["10.1.0.1", "10.2.0.1"]).unwrap();
    let steps = [
        (
            "the namespace narrowed",
            grant("10.1.0.0/16"),
            vec!["10.1.0.1"],
        ),
        (
            "the namespace moved",
            grant("10.2.0.0/16"),
            vec!["10.2.0.1"],
        ),
        (
            "the cluster narrowed, too",
            cluster(&world, "10.1.0.0/16"),
            vec![],
        ),
        (
            "the cluster widened",
            cluster(&world, "10.0.0.0/8"),
            vec!["10.2.0.1"],
        ),
    ];
    for (what, action, expected) in steps {
        let before = world.state.clone();
        let revision = before.revision().next();
        let operation = Operation {
            action: action.clone(),
            context: Context::default(),
        };
        let inputs = Inputs {
            revision,
            now: world.now,
            seed: 9,
        };
        let changes = decide(&before, &operation, inputs).unwrap().changes;
        world.state.apply_all(revision, &changes);
        let expected: Vec<_> = expected.into_iter().map(ip).collect();
        assert_eq!(told(&world, &changes, &before), (expected, true), "{what}");
    }
}
