//! Whatever is written is read back as what it was.

use portolan_proto::v1;
use proptest::prelude::*;
use v1::probe::Action;

use super::{created, stored};
use crate::manifest::{self, Item, Reading, Scope};
use crate::object::Object;
use crate::output::{document, documents, manifest as bare};

fn word<T: Copy + Into<i32> + std::fmt::Debug + 'static>(
    words: crate::words::Words<T>,
) -> impl Strategy<Value = i32> {
    prop_oneof![
        Just(0),
        proptest::sample::select(words).prop_map(|(_, value)| value.into())
    ]
}

fn ports() -> impl Strategy<Value = Vec<v1::ServicePort>> {
    use v1::service_port::Target;
    let target = prop_oneof![
        Just(None),
        (1..i32::MAX).prop_map(|number| Some(Target::TargetPort(number))),
        "[a-z][a-z0-9-]{0,9}".prop_map(|name| Some(Target::TargetPortName(name))),
    ];
    let protocol = word(crate::words::PROTOCOLS);
    let app_protocol = proptest::option::of(".*");
    let port = (
        ".*",
        any::<i32>(),
        protocol,
        target,
        app_protocol,
        any::<i32>(),
    );
    let port =
        port.prop_map(
            |(name, port, protocol, target, app_protocol, node_port)| v1::ServicePort {
                name,
                port,
                protocol,
                target,
                app_protocol,
                node_port,
            },
        );
    proptest::collection::vec(port, 0..4)
}

fn load_balancer() -> impl Strategy<Value = v1::ServiceSpec> {
    let texts = || proptest::collection::vec(".+", 0..3);
    let affinity = proptest::option::of(proptest::option::of(any::<i32>()));
    let class = proptest::option::of(".*");
    let parts = (
        affinity,
        any::<i32>(),
        any::<Option<bool>>(),
        class,
        texts(),
        texts(),
    );
    parts.prop_map(
        |(affinity, health, allocate, class, ranges, ips)| v1::ServiceSpec {
            session_affinity_config: affinity.map(|client_ip_timeout_seconds| {
                v1::SessionAffinityConfig {
                    client_ip_timeout_seconds,
                }
            }),
            health_check_node_port: health,
            allocate_load_balancer_node_ports: allocate,
            load_balancer_class: class,
            load_balancer_source_ranges: ranges,
            requested_load_balancer_ips: ips,
            ..v1::ServiceSpec::default()
        },
    )
}

fn specs() -> impl Strategy<Value = v1::ServiceSpec> {
    use crate::words::{
        AFFINITIES, DISTRIBUTIONS, FAMILIES, FAMILY_POLICIES, POLICIES, SERVICE_TYPES,
    };
    let families = proptest::sample::select(FAMILIES).prop_map(|(_, family)| family.into());
    let words = (
        word(SERVICE_TYPES),
        word(FAMILY_POLICIES),
        word(AFFINITIES),
        word(POLICIES),
        word(POLICIES),
        word(DISTRIBUTIONS),
    );
    let rest = (
        proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        ports(),
        proptest::collection::vec(".+", 0..3),
        proptest::collection::vec(families, 0..3),
        ".*",
        any::<bool>(),
    );
    (words, rest, load_balancer()).prop_map(|(words, rest, spec)| v1::ServiceSpec {
        r#type: words.0,
        ip_family_policy: words.1,
        session_affinity: words.2,
        external_traffic_policy: words.3,
        internal_traffic_policy: words.4,
        traffic_distribution: words.5,
        selector: rest.0,
        ports: rest.1,
        cluster_ips: rest.2,
        ip_families: rest.3,
        external_name: rest.4,
        publish_not_ready_addresses: rest.5,
        ..spec
    })
}

fn labels() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(".+", 0..3)
}

/// By number, or by a name that no number is taken for.
fn port_or_name() -> impl Strategy<Value = Result<i32, String>> {
    prop_oneof![
        (1..i32::MAX).prop_map(Ok),
        "[a-z][a-z0-9-]{0,9}".prop_map(Err),
    ]
}

fn http_get() -> impl Strategy<Value = v1::HttpGet> {
    use v1::http_get::Target;
    let header = (".*", ".*").prop_map(|(name, value)| v1::HttpHeader { name, value });
    let headers = proptest::collection::vec(header, 0..3);
    (".*", port_or_name(), ".*", headers).prop_map(|(path, port, host, headers)| v1::HttpGet {
        path,
        target: Some(port.map_or_else(Target::PortName, Target::Port)),
        host,
        headers,
    })
}

fn probes() -> impl Strategy<Value = v1::Probe> {
    use v1::tcp_connect::Target;
    let tcp = port_or_name().prop_map(|port| v1::TcpConnect {
        target: Some(port.map_or_else(Target::PortName, Target::Port)),
    });
    let grpc = (any::<i32>(), ".*").prop_map(|(port, service)| v1::GrpcCheck { port, service });
    let action = prop_oneof![
        http_get().prop_map(Action::HttpGet),
        tcp.prop_map(Action::TcpConnect),
        grpc.prop_map(Action::GrpcCheck),
    ];
    (action, any::<[i32; 5]>()).prop_map(|(action, numbers)| v1::Probe {
        action: Some(action),
        initial_delay_seconds: numbers[0],
        period_seconds: numbers[1],
        timeout_seconds: numbers[2],
        success_threshold: numbers[3],
        failure_threshold: numbers[4],
    })
}

fn workloads() -> impl Strategy<Value = v1::Workload> {
    let protocol = word(crate::words::PROTOCOLS);
    let port = (".*", any::<i32>(), protocol);
    let port = port.prop_map(|(name, port, protocol)| v1::WorkloadPort {
        name,
        port,
        protocol,
    });
    let spec = (
        texts(),
        ".*",
        proptest::collection::vec(port, 0..3),
        proptest::option::of(probes()),
        ".*",
        ".*",
        any::<bool>(),
        any::<Option<bool>>(),
    );
    (labels(), labels(), spec).prop_map(|(labels, annotations, spec)| v1::Workload {
        name: "clusters/default/namespaces/shop/workloads/web-1".into(),
        labels,
        annotations,
        create_time: Some(created()),
        spec: Some(v1::WorkloadSpec {
            addresses: spec.0,
            node: spec.1,
            ports: spec.2,
            readiness_probe: spec.3,
            hostname: spec.4,
            subdomain: spec.5,
            draining: spec.6,
            reported_ready: spec.7,
        }),
        ..v1::Workload::default()
    })
}

fn namespaces() -> impl Strategy<Value = v1::Namespace> {
    let quota = any::<[Option<i32>; 4]>().prop_map(|limits| v1::NamespaceQuota {
        services: limits[0],
        node_ports: limits[1],
        load_balancers: limits[2],
        endpoints: limits[3],
    });
    // A quota without limits and no quota are the same, and written the same.
    let is_limiting = |quota: &v1::NamespaceQuota| *quota != v1::NamespaceQuota::default();
    let quota = proptest::option::of(quota.prop_filter("it limits something", is_limiting));
    (labels(), labels(), quota, texts()).prop_map(|(labels, annotations, quota, ranges)| {
        v1::Namespace {
            name: "clusters/default/namespaces/shop".into(),
            labels,
            annotations,
            create_time: Some(created()),
            spec: Some(v1::NamespaceSpec {
                quota,
                endpoint_ranges: ranges,
            }),
            ..v1::Namespace::default()
        }
    })
}

fn nodes() -> impl Strategy<Value = v1::Node> {
    let parts = (labels(), labels(), texts(), ".*", texts(), ".*");
    parts.prop_map(|parts| v1::Node {
        name: "clusters/default/nodes/n1".into(),
        labels: parts.0,
        annotations: parts.1,
        spec: Some(v1::NodeSpec {
            addresses: parts.2,
            zone: parts.3,
            node_port_addresses: parts.4,
            dataplane: parts.5,
        }),
        ..v1::Node::default()
    })
}

fn clusters() -> impl Strategy<Value = v1::Cluster> {
    let bounds = (0..i32::MAX, 0..i32::MAX);
    let range = bounds.prop_map(|(first, last)| v1::PortRange { first, last });
    let family = proptest::sample::select(crate::words::FAMILIES);
    let families = proptest::collection::vec(family.prop_map(|(_, f)| f.into()), 0..3);
    let parts = (
        proptest::option::of(range),
        ".*",
        families,
        texts(),
        texts(),
    );
    parts.prop_map(|parts| v1::Cluster {
        name: "clusters/second".into(),
        spec: Some(v1::ClusterSpec {
            node_port_range: parts.0,
            dns_domain: parts.1,
            ip_families: parts.2,
            endpoint_ranges: parts.3,
            workload_ranges: parts.4,
        }),
        ..v1::Cluster::default()
    })
}

fn ranges() -> impl Strategy<Value = v1::ServiceCidr> {
    texts().prop_map(|cidrs| v1::ServiceCidr {
        name: "clusters/default/serviceCidrs/more".into(),
        spec: Some(v1::ServiceCidrSpec { cidrs }),
        ..v1::ServiceCidr::default()
    })
}

fn endpoints() -> impl Strategy<Value = v1::EndpointSpec> {
    let protocol = word(crate::words::PROTOCOLS);
    let port = (".*", any::<i32>(), protocol);
    let port = port.prop_map(|(service_port, port, protocol)| v1::EndpointPort {
        service_port,
        port,
        protocol,
    });
    let texts = [".*", ".*", ".*", ".*"];
    let conditions = any::<[Option<bool>; 3]>();
    let weight = any::<Option<i32>>();
    let parts = (
        texts,
        proptest::collection::vec(port, 0..3),
        conditions,
        weight,
    );
    parts.prop_map(
        |([address, node, zone, hostname], ports, conditions, weight)| v1::EndpointSpec {
            service: String::new(),
            address,
            ports,
            node,
            zone,
            hostname,
            ready: conditions[0],
            serving: conditions[1],
            terminating: conditions[2],
            weight,
        },
    )
}

/// As a server shows what a source gave the Service `db`.
fn shown(i: usize, spec: &v1::EndpointSpec, source: &str) -> Object {
    let origin = v1::endpoint_origin::Origin::Source(source.to_owned());
    Object::Endpoint(v1::Endpoint {
        name: format!("clusters/default/namespaces/shop/endpoints/db-{i}"),
        spec: Some(v1::EndpointSpec {
            service: "db".into(),
            ..spec.clone()
        }),
        origin: Some(v1::EndpointOrigin {
            origin: Some(origin),
        }),
        ..v1::Endpoint::default()
    })
}

fn request(text: &str) -> Item {
    let scope = Scope {
        cluster: "default".into(),
        namespace: None,
    };
    match manifest::read("f", text, &scope).remove(0) {
        Reading::Manifest(manifest) => manifest.item,
        other => panic!("{other:?} in {text}"),
    }
}

proptest! {
    #[test]
    fn a_service_that_is_written_is_read_back(spec in specs()) {
        let service = Object::Service(v1::Service {
            name: "clusters/default/namespaces/default/services/web".into(),
            create_time: Some(created()),
            spec: Some(spec),
            ..v1::Service::default()
        });
        let document = document(&service);
        for text in [document.to_yaml(), document.to_json()] {
            prop_assert_eq!(&stored(&text), &service);
        }
    }

    #[test]
    fn every_other_resource_that_is_written_is_read_back(
        workload in workloads(),
        namespace in namespaces(),
        node in nodes(),
        cluster in clusters(),
        range in ranges(),
    ) {
        let objects = [
            Object::from(workload), namespace.into(), node.into(), cluster.into(), range.into(),
        ];
        for object in objects {
            let document = document(&object);
            for text in [document.to_yaml(), document.to_json()] {
                prop_assert_eq!(&stored(&text), &object);
            }
            // Without what only a server says it asks for the same.
            let asked = request(&document.to_yaml());
            prop_assert_eq!(request(&bare(document).to_yaml()), asked);
        }
    }

    #[test]
    fn what_a_source_gives_a_service_is_one_document_that_asks_for_it(
        specs in proptest::collection::vec(endpoints(), 1..4),
        source in ".+",
    ) {
        let objects: Vec<_> = specs.iter().enumerate().map(|(i, s)| shown(i, s, &source)).collect();
        let written = documents(&objects.iter().collect::<Vec<_>>());
        prop_assert_eq!(written.len(), 1);
        let endpoints = specs.into_iter().map(|spec| v1::Endpoint {
            spec: Some(spec),
            ..v1::Endpoint::default()
        });
        let asked = Item::Endpoints(v1::ReplaceEndpointsRequest {
            service: "clusters/default/namespaces/shop/services/db".into(),
            source,
            endpoints: endpoints.collect(),
            ..v1::ReplaceEndpointsRequest::default()
        });
        for text in [written[0].to_yaml(), written[0].to_json()] {
            prop_assert_eq!(&request(&text), &asked);
        }
    }
}
