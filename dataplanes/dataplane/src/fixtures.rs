//! Views for this crate's tests: builders for the tables, and strategies for the properties.

use std::net::IpAddr;

use portolan_model::view::{
    ClusterView, EndpointPortView, EndpointView, FrontendAt, FrontendView, NodeView, Reach,
    ServiceView, View, ViewKey, ViewKind, WhenEmpty,
};
use portolan_model::{Family, Name, Protocol, TrafficPolicy, Uid};
use proptest::prelude::*;

pub(crate) fn uid(number: u8) -> Uid {
    Uid::from_random(u128::from(number) << 120)
}

pub(crate) fn name(text: &str) -> Name {
    Name::trusted(text)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn cluster(service_cidrs: &[&str], endpoint_ranges: &[&str]) -> (ViewKey, View) {
    let nets = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
    let view = ClusterView {
        service_cidrs: nets(service_cidrs),
        endpoint_ranges: nets(endpoint_ranges),
        ..ClusterView::default()
    };
    (
        ViewKey::new(ViewKind::Cluster, uid(255)),
        View::Cluster(view),
    )
}

pub(crate) fn node(number: u8, zone: &str, addresses: &[&str]) -> (ViewKey, View) {
    let addresses: Vec<_> = addresses.iter().copied().map(ip).collect();
    let view = NodeView {
        name: name(&format!("node-{number}")),
        zone: zone.to_owned(),
        node_port_addresses: addresses.clone(),
        addresses,
    };
    (
        ViewKey::new(ViewKind::Node, uid(200 + number)),
        View::Node(view),
    )
}

pub(crate) fn service(number: u8, frontends: Vec<FrontendView>) -> (ViewKey, View) {
    let view = ServiceView {
        namespace: name("default"),
        name: name(&format!("service-{number}")),
        frontends,
        external_name: String::new(),
        headless: false,
    };
    (
        ViewKey::new(ViewKind::Service, uid(number)),
        View::Service(view),
    )
}

/// A `ClusterIP`'s frontend at 10.96.0.`last`:80/TCP for the port named `http`.
pub(crate) fn cluster_ip(last: u8) -> FrontendView {
    FrontendView {
        at: FrontendAt::Address(ip(&format!("10.96.0.{last}"))),
        reach: Reach::Internal,
        policy: TrafficPolicy::Cluster,
        port: 80,
        protocol: Protocol::Tcp,
        service_port: "http".to_owned(),
        affinity_seconds: 0,
        source_ranges: Vec::new(),
        when_empty: WhenEmpty::Reject,
        node_hints_valid: false,
        zone_hints_valid: false,
    }
}

pub(crate) fn node_port(family: Family, policy: TrafficPolicy) -> FrontendView {
    FrontendView {
        at: FrontendAt::NodePort(family),
        reach: Reach::External,
        policy,
        port: 30_080,
        ..cluster_ip(0)
    }
}

/// A ready endpoint of service `of` on a node and in a zone, at port 8080 for `http`.
pub(crate) fn endpoint(of: u8, address: &str, on: (&str, &str)) -> EndpointView {
    EndpointView {
        service: uid(of),
        address: ip(address),
        ports: vec![EndpointPortView {
            service_port: "http".to_owned(),
            port: 8080,
            protocol: Some(Protocol::Tcp),
            cluster: true,
            local: true,
        }],
        node: Some(name(on.0)),
        zone: on.1.to_owned(),
        hostname: String::new(),
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
        node_hints: Vec::new(),
        zone_hints: Vec::new(),
    }
}

pub(crate) fn at(number: u8, view: EndpointView) -> (ViewKey, View) {
    (
        ViewKey::new(ViewKind::Endpoint, uid(number)),
        View::Endpoint(view),
    )
}

fn any_frontend() -> impl Strategy<Value = FrontendView> {
    let at = prop_oneof![
        (1u8..5).prop_map(|last| FrontendAt::Address(ip(&format!("10.96.0.{last}")))),
        Just(FrontendAt::Address(ip("fd00::96"))),
        Just(FrontendAt::NodePort(Family::V4)),
        Just(FrontendAt::NodePort(Family::V6)),
    ];
    let protocol = prop_oneof![
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Sctp)
    ];
    let flags = (any::<[bool; 5]>(), 80u16..83, 0u32..2);
    (at, protocol, flags).prop_map(|(at, protocol, (flags, port, affinity_seconds))| {
        let [external, local, drop, node_hints_valid, zone_hints_valid] = flags;
        FrontendView {
            at,
            protocol,
            port,
            affinity_seconds,
            node_hints_valid,
            zone_hints_valid,
            reach: if external {
                Reach::External
            } else {
                Reach::Internal
            },
            policy: if local {
                TrafficPolicy::Local
            } else {
                TrafficPolicy::Cluster
            },
            when_empty: if drop {
                WhenEmpty::Drop
            } else {
                WhenEmpty::Reject
            },
            ..cluster_ip(0)
        }
    })
}

fn any_view() -> impl Strategy<Value = (ViewKey, View)> {
    let endpoint = (1u8..6, 10u8..30, 1u8..4, any::<[bool; 4]>(), 1u32..4).prop_map(
        |(of, number, on, [cluster, local, six, hinted], weight)| {
            let (node, zone) = (format!("node-{on}"), format!("zone-{}", on % 2));
            let address = if six {
                format!("fd01::{number}")
            } else {
                format!("10.0.0.{number}")
            };
            let mut view = endpoint(of, &address, (&node, &zone));
            view.weight = weight;
            view.ports[0].cluster = cluster;
            view.ports[0].local = local;
            if hinted {
                view.node_hints.push(name(&node));
                view.zone_hints.push(zone);
            }
            at(number, view)
        },
    );
    prop_oneof![
        2 => (1u8..6, prop::collection::vec(any_frontend(), 0..4))
            .prop_map(|(number, frontends)| service(number, frontends)),
        4 => endpoint,
        1 => (1u8..4, 1u8..3).prop_map(|(number, last)| {
            node(number, &format!("zone-{}", number % 2), &[&format!("10.96.0.{last}"), "fd02::1"])
        }),
        1 => any::<bool>().prop_map(|narrow| cluster(&["10.96.0.0/16"], if narrow { &["10.0.0.0/28"] } else { &[] })),
    ]
}

/// A set of views: one value per key.
pub(crate) fn any_views() -> impl Strategy<Value = Vec<(ViewKey, View)>> {
    prop::collection::btree_map(any::<u16>(), any_view(), 0..40).prop_map(|views| {
        let by_key: std::collections::BTreeMap<_, _> = views.into_values().collect();
        by_key.into_iter().collect()
    })
}
