//! A12–A16: what updates and deletes do to what is held, on every combination, and against each other.

use std::collections::BTreeSet;

use portolan_proto::v1;
use portolan_proto::v1::namespace_api_client::NamespaceApiClient;
use portolan_tests::api::{block_on, channel};
use portolan_tests::{eventually, holds};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use v1::ServiceSpec;
use v1::service_api_client::ServiceApiClient;

use crate::cluster::{Cluster, V4, V6, spec_of};
use crate::expect::assert_refused;
use crate::specs::{
    PREFER, REQUIRE, SINGLE, alias, cluster_ip, families, headless, load_balancer, local_balancer,
    named, node_port, udp, with, with_addresses, with_policy, with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    a12_an_update_that_leaves_out_what_was_allocated_keeps_it,
    a13_families_are_filled_in_on_create_and_read,
    a15_a_delete_gives_everything_back_and_a_rehearsed_one_nothing,
    a15_a_namespace_gives_back_what_its_services_held,
    a16_of_two_creators_one_gets_the_last_address,
    a16_many_creators_never_get_the_same,
);

fn a12_an_update_that_leaves_out_what_was_allocated_keeps_it(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let ports = || [named("a", 80), udp("b", 53), named("c", 81)];
    let dual = |spec| with_policy(with_ports(spec, ports()), REQUIRE);
    for (name, spec) in [
        ("cluster-ip", dual(cluster_ip())),
        ("node-port", dual(node_port())),
        ("balancer", dual(load_balancer())),
        ("local", dual(local_balancer())),
    ] {
        let before = cluster.created(name, spec.clone());
        let put = spec_of(cluster.put(name, spec.clone()).expect(name));
        assert_eq!(put, before, "{name}: as a whole");
        for path in [
            "spec.ports",
            "spec.cluster_ips",
            "spec.health_check_node_port",
            "spec.ip_families",
        ] {
            let patched = spec_of(cluster.patch(name, &[path], spec.clone()).expect(path));
            assert_eq!(patched, before, "{name}: {path}");
        }
        let generation = cluster.get(name).generation;
        assert_eq!(generation, 1, "{name}: nothing was written");
    }
}

fn a13_families_are_filled_in_on_create_and_read(plane: &'static ControlPlane) {
    let by_hand = with(headless(), |s| s.selector.clear());
    for (ranges, order) in [
        (&[V4][..], &[4][..]),
        (&[V6], &[6]),
        (&[V4, V6], &[4, 6]),
        (&[V6, V4], &[6, 4]),
    ] {
        let cluster = plane.cluster(ranges);
        let both = [order[0], if order[0] == 4 { 6 } else { 4 }];
        for (name, spec, policy, want) in [
            ("single", cluster_ip(), SINGLE, &order[..1]),
            ("prefer", with_policy(cluster_ip(), PREFER), PREFER, order),
            ("headless", headless(), SINGLE, &order[..1]),
            (
                "headless-prefer",
                with_policy(headless(), PREFER),
                PREFER,
                order,
            ),
            ("by-hand", by_hand.clone(), REQUIRE, &both[..]),
            (
                "by-hand-single",
                with_policy(by_hand.clone(), SINGLE),
                SINGLE,
                &order[..1],
            ),
        ] {
            let created = cluster.created(name, spec);
            assert_eq!(families(&created), want, "{ranges:?}: {name}");
            assert_eq!(created.ip_family_policy(), policy, "{ranges:?}: {name}");
            assert_eq!(cluster.spec(name), created, "{ranges:?}: {name}: read");
        }
        let alias = cluster.created("alias", alias());
        assert_eq!((families(&alias), alias.ip_family_policy), (Vec::new(), 0));
    }
}

/// Addresses and node ports held.
pub(crate) fn usage(cluster: &Cluster) -> (u64, u32) {
    let status = cluster.status();
    let addresses = status.service_ranges.iter().map(|r| r.used).sum();
    (addresses, status.node_ports.expect("usage of ports").used)
}

fn a15_a_delete_gives_everything_back_and_a_rehearsed_one_nothing(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for spec in [
        cluster_ip(),
        headless(),
        node_port(),
        load_balancer(),
        local_balancer(),
        alias(),
    ] {
        let is_alias = spec.r#type() == v1::ServiceType::ExternalName;
        let spec = if is_alias {
            spec
        } else {
            with_policy(spec, REQUIRE)
        };
        let before = cluster.created("web", spec);
        let held = usage(&cluster);
        let rehearsed = cluster.delete_with("web", |r| r.validate_only = true);
        assert_eq!(spec_of(rehearsed.expect("fine")), before);
        assert_eq!(
            (usage(&cluster), cluster.spec("web")),
            (held, before.clone())
        );
        let gone = cluster.delete("web").expect("it goes");
        assert!(
            gone.delete_time.is_some() && spec_of(gone) == before,
            "its last state"
        );
        assert_eq!(usage(&cluster), (0, 0));
        assert_refused("again", cluster.delete("web"), Code::NotFound, "");
        // All that it had can be had.
        if !is_alias {
            cluster.created("heir", before);
            cluster.delete("heir").expect("the heir goes");
        }
    }
}

fn a15_a_namespace_gives_back_what_its_services_held(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let mut namespaces = NamespaceApiClient::new(cluster.channel.clone());
    let request = v1::CreateNamespaceRequest {
        parent: cluster.name.clone(),
        namespace_id: "tenant".to_owned(),
        namespace: Some(v1::Namespace::default()),
        ..v1::CreateNamespaceRequest::default()
    };
    let namespace = block_on(namespaces.create_namespace(request)).expect("a namespace");
    let namespace = namespace.into_inner().name;
    let put =
        |name: &str, spec| cluster.create_with(name, spec, |r| r.parent.clone_from(&namespace));
    let web = put("web", local_balancer()).expect("a Service");
    put("less", headless()).expect("a Service");
    assert_eq!(usage(&cluster), (1, 2));
    let delete = |force, validate_only| v1::DeleteNamespaceRequest {
        name: namespace.clone(),
        force,
        validate_only,
        ..v1::DeleteNamespaceRequest::default()
    };
    let refused = block_on(namespaces.delete_namespace(delete(false, false)));
    assert_refused("not empty", refused, Code::FailedPrecondition, "");
    block_on(namespaces.delete_namespace(delete(true, true))).expect("rehearsed");
    assert_eq!(usage(&cluster), (1, 2));
    block_on(namespaces.delete_namespace(delete(true, false))).expect("it goes");
    assert_eq!(usage(&cluster), (0, 0));
    cluster.created("heir", spec_of(web));
    let late = put("late", cluster_ip());
    assert_refused("in a namespace that is gone", late, Code::NotFound, "");
}

/// Two doors to the cluster: two replicas where the store allows it, else two connections.
fn doors(cluster: &Cluster) -> [ServiceApiClient<tonic::transport::Channel>; 2] {
    let other = cluster.plane.replica();
    let doors = [
        cluster.services(),
        ServiceApiClient::new(channel(&other.url)),
    ];
    eventually("the other replica serves the cluster", || {
        let request = v1::ListServicesRequest {
            parent: cluster.namespace(),
            ..v1::ListServicesRequest::default()
        };
        block_on(doors[1].clone().list_services(request))
    });
    doors
}

fn request(cluster: &Cluster, name: String, spec: ServiceSpec) -> v1::CreateServiceRequest {
    v1::CreateServiceRequest {
        parent: cluster.namespace(),
        service: Some(v1::Service {
            spec: Some(spec),
            ..v1::Service::default()
        }),
        service_id: name,
        ..v1::CreateServiceRequest::default()
    }
}

fn a16_of_two_creators_one_gets_the_last_address(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/30"]);
    cluster.created("one", cluster_ip());
    let [mut first, mut second] = doors(&cluster);
    for round in 0..20 {
        let of = |door: &str| request(&cluster, format!("{door}-{round}"), cluster_ip());
        let (a, b) = (of("a"), of("b"));
        let (a, b) =
            block_on(async { tokio::join!(first.create_service(a), second.create_service(b)) });
        let codes: BTreeSet<_> = [a, b]
            .map(|answer| answer.map_or_else(|s| s.code() as i32, |_| 0))
            .into();
        assert_eq!(
            codes,
            [0, Code::ResourceExhausted as i32].into(),
            "round {round}"
        );
        // The winner may have come through the other door, and this one hears of it a little later.
        let won = eventually("the winner is seen", || {
            let others = cluster.list().into_iter();
            others
                .map(|service| {
                    service
                        .name
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
                .find(|name| name != "one")
                .ok_or("nobody is seen")
        });
        cluster.delete(&won).expect("it goes");
    }
}

fn a16_many_creators_never_get_the_same(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/26"]);
    let doors = doors(&cluster);
    let creates = (0..80).map(|i| {
        let mut door = doors[i % 2].clone();
        let asked = with_addresses(cluster_ip(), &["10.98.0.40"]);
        let spec = if i % 10 == 0 { asked } else { cluster_ip() };
        let request = request(&cluster, format!("s{i}"), spec);
        async move { door.create_service(request).await }
    });
    let codes: Vec<Code> = block_on(async {
        let mut tasks = JoinSet::new();
        creates.for_each(|create| drop(tasks.spawn(create)));
        let answers = tasks.join_all().await.into_iter();
        let code = |answer: Result<_, Status>| answer.map_or_else(|s| s.code(), |_| Code::Ok);
        answers.map(code).collect()
    });
    let count = |code| codes.iter().filter(|c| **c == code).count();
    // 62 addresses: 72 creators of any, and 8 of a single one, which one of them or nobody but a pick gets.
    assert_eq!(count(Code::Ok), 62, "{codes:?}");
    assert_eq!(
        count(Code::Ok) + count(Code::ResourceExhausted) + count(Code::FailedPrecondition),
        80
    );
    assert!(
        (7..=8).contains(&count(Code::FailedPrecondition)),
        "{codes:?}"
    );
    let all = eventually("every winner is seen", || {
        let all = cluster.list();
        holds(all.len() == 62, all.len()).map(|()| all)
    });
    let addresses: BTreeSet<_> = all
        .into_iter()
        .flat_map(|s| spec_of(s).cluster_ips)
        .collect();
    assert_eq!(addresses.len(), 62);
}
