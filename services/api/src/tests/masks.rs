//! Field masks (AIP-134, AIP-161), on arbitrary messages, through the handlers and the real decisions: only what is
//! named changes, `*` replaces all, no mask means what is populated, what is output only has no effect, and an unknown
//! path changes nothing.

use std::collections::BTreeMap;

use portolan_proto::v1;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use prost::Message;
use tonic::{Request, Status};
use v1::cluster_api_server::ClusterApi;
use v1::namespace_api_server::NamespaceApi;
use v1::node_api_server::NodeApi;
use v1::service_api_server::ServiceApi;
use v1::workload_api_server::WorkloadApi;

use super::{NAMESPACE, Server, fields};

/// A part of a message that a mask can name.
struct Part<M> {
    path: String,
    show: fn(&M) -> String,
}

/// Parts of a message and of its specification, by their names.
macro_rules! parts {
    ($message:ty: $($top:ident)*; $($spec:ident)*; $($quota:ident)*) => {
        vec![
            $(Part::<$message> {
                path: stringify!($top).to_owned(),
                show: |m| format!("{:?}", m.$top),
            },)*
            $(Part::<$message> {
                path: format!("spec.{}", stringify!($spec).trim_start_matches("r#")),
                show: |m| format!("{:?}", m.spec.clone().unwrap_or_default().$spec),
            },)*
            $(Part::<$message> {
                path: format!("spec.quota.{}", stringify!($quota)),
                show: |m| format!("{:?}", m.spec.clone().unwrap_or_default().quota.unwrap_or_default().$quota),
            },)*
        ]
    };
}

mod leaves;
mod together;

/// What a mask looks like.
#[derive(Clone, Debug)]
enum Mask {
    Absent,
    All,
    /// These parts, perhaps the whole specification, and something that is output only.
    Named(Vec<usize>, bool, bool),
    /// The same, with a path that nothing has.
    Unknown(Vec<usize>, &'static str),
}

fn masks(parts: usize) -> impl Strategy<Value = Mask> {
    let some = || subsequence((0..parts).collect::<Vec<_>>(), 0..=parts);
    let unknown = [
        "spec.colour",
        "spec.",
        "colour",
        "spec.ports[0]",
        "labels.",
        "labels.*",
        "labels.a.b",
        "spec.addresses.0",
        "spec.ip_families.0",
        "spec.endpoint_ranges.0",
        "*",
        "Labels",
        "",
    ];
    prop_oneof![
        1 => Just(Mask::Absent),
        1 => Just(Mask::All),
        4 => (some(), prop::bool::weighted(0.1), any::<bool>()).prop_map(|(some, spec, output)| Mask::Named(some, spec, output)),
        1 => (some(), select(unknown.to_vec())).prop_map(|(some, path)| Mask::Unknown(some, path)),
    ]
}

impl Mask {
    fn wire<M>(&self, parts: &[Part<M>]) -> Option<prost_types::FieldMask> {
        let named = |some: &[usize]| -> Vec<String> {
            some.iter().map(|i| parts[*i].path.clone()).collect()
        };
        let paths = match self {
            Self::Absent => return None,
            Self::All => vec!["*".to_owned()],
            Self::Named(some, spec, output) => {
                let output = output.then(|| ["uid", "status.conditions"].map(str::to_owned));
                let spec = spec.then(|| "spec".to_owned());
                let mut paths = named(some);
                paths.extend(spec);
                paths.extend(output.into_iter().flatten());
                paths
            }
            // Beside another path, so that the star is unknown, too.
            Self::Unknown(some, path) => {
                let mut paths = named(some);
                paths.extend(["uid", path].map(str::to_owned));
                paths
            }
        };
        Some(prost_types::FieldMask { paths })
    }

    /// Whether a part changes to what was sent.
    fn names<M: Default>(&self, i: usize, part: &Part<M>, sent: &M) -> bool {
        let is_populated = (part.show)(sent) != (part.show)(&M::default());
        match self {
            Self::All => true,
            Self::Named(some, spec, output) if !some.is_empty() || *spec || *output => {
                some.contains(&i) || (*spec && part.path.starts_with("spec."))
            }
            Self::Absent | Self::Named(..) => is_populated,
            Self::Unknown(..) => false,
        }
    }
}

/// What a test needs of a resource.
trait Masked: Message + Default + Clone + PartialEq + std::fmt::Debug {
    fn parts() -> Vec<Part<Self>>;
    fn arbitrary() -> BoxedStrategy<Self>;
    async fn create(server: &Server, message: Self) -> Self;
    async fn update(
        server: &Server,
        message: Self,
        mask: Option<prost_types::FieldMask>,
    ) -> Result<Self, Status>;
    async fn get(server: &Server) -> Self;
    /// Without what differs from one reading to the next.
    fn settled(self) -> Self {
        self
    }
}

async fn check<M: Masked>(
    parts: Vec<Part<M>>,
    before: M,
    sent: M,
    mask: Mask,
) -> Result<(), TestCaseError> {
    let server = Server::start().await;
    let before = M::create(&server, before).await;
    let revision = server.revision();
    let updated = M::update(&server, sent.clone(), mask.wire(&parts)).await;
    let after = M::get(&server).await.settled();
    let updated = match updated {
        Ok(updated) => updated.settled(),
        Err(refused) => {
            let what = fields(&refused);
            let of_mask = what
                .iter()
                .any(|field| field.starts_with("update_mask.paths["));
            prop_assert_eq!(of_mask, matches!(mask, Mask::Unknown(..)), "{:?}", refused);
            prop_assert_eq!(after, before.settled());
            prop_assert_eq!(server.revision(), revision);
            return Ok(());
        }
    };
    prop_assert!(
        !matches!(mask, Mask::Unknown(..)),
        "an unknown path was taken"
    );
    prop_assert_eq!(&updated, &after);
    for (i, part) in parts.iter().enumerate() {
        let from = if mask.names(i, part, &sent) {
            &sent
        } else {
            &before
        };
        prop_assert_eq!((part.show)(&after), (part.show)(from), "{}", &part.path);
    }
    Ok(())
}

fn run<M: Masked>() {
    let config = ProptestConfig::with_cases(150);
    let strategy = (M::arbitrary(), M::arbitrary(), masks(M::parts().len()));
    let done = TestRunner::new(config).run(&strategy, |(before, sent, mask)| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(check(M::parts(), before, sent, mask))
    });
    done.unwrap_or_else(|failed| panic!("{failed}"));
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[a-c]", "[x-z]{0,2}", 0..3)
}

fn word() -> impl Strategy<Value = String> {
    select(vec!["", "a", "b", "c"]).prop_map(str::to_owned)
}

fn texts(of: &[&'static str]) -> impl Strategy<Value = Vec<String>> + use<> {
    let of: Vec<_> = of.iter().map(|text| (*text).to_owned()).collect();
    let len = of.len();
    subsequence(of, 0..=len)
}

/// Create, update and get of a resource below a parent.
macro_rules! through {
    ($noun:ident, $field:ident, $id:ident, $name:expr, $parent:expr; $create:ident($create_request:ident), $update:ident($update_request:ident), $get:ident($get_request:ident)) => {
        async fn create(server: &Server, message: Self) -> Self {
            let request = v1::$create_request {
                parent: $parent.to_owned(),
                $id: "it".to_owned(),
                $field: Some(message),
                ..v1::$create_request::default()
            };
            let created = server.api.$create(Request::new(request)).await;
            created.unwrap().into_inner()
        }

        through!(@ $noun, $field, $name; $update($update_request), $get($get_request));
    };
    (@ $noun:ident, $field:ident, $name:expr; $update:ident($update_request:ident), $get:ident($get_request:ident)) => {
        async fn update(server: &Server, message: Self, update_mask: Option<prost_types::FieldMask>) -> Result<Self, Status> {
            let request = v1::$update_request {
                $field: Some(Self {
                    name: $name.to_owned(),
                    // Output only, and wrong.
                    uid: "nobody".to_owned(),
                    generation: 99,
                    ..message
                }),
                update_mask,
                ..v1::$update_request::default()
            };
            let updated = server.api.$update(Request::new(request)).await;
            updated.map(tonic::Response::into_inner)
        }

        async fn get(server: &Server) -> Self {
            let request = v1::$get_request {
                name: $name.to_owned(),
                ..v1::$get_request::default()
            };
            let found = server.api.$get(Request::new(request)).await;
            found.unwrap().into_inner()
        }
    };
}

fn within(collection: &str) -> String {
    format!("{NAMESPACE}/{collection}/it")
}

impl Masked for v1::Workload {
    fn parts() -> Vec<Part<Self>> {
        parts!(Self: labels annotations; addresses node ports readiness_probe hostname subdomain draining reported_ready;)
    }

    fn arbitrary() -> BoxedStrategy<Self> {
        let port = (1..9_i32).prop_map(|port| v1::WorkloadPort {
            name: "web".to_owned(),
            port,
            protocol: v1::Protocol::Tcp.into(),
        });
        let probe = (1..9_i32).prop_map(|seconds| v1::Probe {
            period_seconds: seconds,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 3,
            initial_delay_seconds: 0,
            action: Some(v1::probe::Action::TcpConnect(v1::TcpConnect {
                target: Some(v1::tcp_connect::Target::Port(80)),
            })),
        });
        let address = select(vec!["192.0.2.1", "192.0.2.2"]);
        let spec = (
            address.prop_map(|address| vec![address.to_owned()]),
            word(),
            vec(port, 0..2),
            of(probe),
            word(),
            word(),
            any::<bool>(),
            of(any::<bool>()),
        );
        let spec = spec.prop_map(
            |(addresses, node, ports, probe, hostname, subdomain, draining, reported)| {
                v1::WorkloadSpec {
                    addresses,
                    node,
                    ports,
                    readiness_probe: probe,
                    hostname,
                    subdomain,
                    draining,
                    reported_ready: reported,
                }
            },
        );
        let all = (labels(), labels(), spec).prop_map(|(labels, annotations, spec)| Self {
            labels,
            annotations,
            spec: Some(spec),
            ..Self::default()
        });
        all.boxed()
    }

    fn settled(self) -> Self {
        Self {
            warnings: Vec::new(),
            ..self
        }
    }

    through!(Workload, workload, workload_id, within("workloads"), NAMESPACE;
        create_workload(CreateWorkloadRequest), update_workload(UpdateWorkloadRequest), get_workload(GetWorkloadRequest));
}

impl Masked for v1::Node {
    fn parts() -> Vec<Part<Self>> {
        parts!(Self: labels annotations; addresses zone node_port_addresses dataplane;)
    }

    fn arbitrary() -> BoxedStrategy<Self> {
        let addresses = || texts(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        let spec = (addresses(), word(), addresses(), word());
        let spec =
            spec.prop_map(
                |(addresses, zone, node_port_addresses, dataplane)| v1::NodeSpec {
                    addresses,
                    zone,
                    node_port_addresses,
                    dataplane,
                },
            );
        let all = (labels(), labels(), spec).prop_map(|(labels, annotations, spec)| Self {
            labels,
            annotations,
            spec: Some(spec),
            ..Self::default()
        });
        all.boxed()
    }

    through!(Node, node, node_id, "clusters/default/nodes/it", "clusters/default";
        create_node(CreateNodeRequest), update_node(UpdateNodeRequest), get_node(GetNodeRequest));
}

impl Masked for v1::Namespace {
    fn parts() -> Vec<Part<Self>> {
        parts!(Self: labels annotations; endpoint_ranges; services node_ports load_balancers endpoints)
    }

    fn arbitrary() -> BoxedStrategy<Self> {
        let count = || of(0..9_i32);
        let quota = (count(), count(), count(), count());
        let quota = quota.prop_map(|(services, node_ports, load_balancers, endpoints)| {
            v1::NamespaceQuota {
                services,
                node_ports,
                load_balancers,
                endpoints,
            }
        });
        let ranges = texts(&["192.0.2.0/24", "198.51.100.0/24"]);
        let all = (labels(), labels(), of(quota), ranges);
        all.prop_map(|(labels, annotations, quota, endpoint_ranges)| Self {
            labels,
            annotations,
            spec: Some(v1::NamespaceSpec {
                quota,
                endpoint_ranges,
            }),
            ..Self::default()
        })
        .boxed()
    }

    through!(Namespace, namespace, namespace_id, "clusters/default/namespaces/it", "clusters/default";
        create_namespace(CreateNamespaceRequest), update_namespace(UpdateNamespaceRequest), get_namespace(GetNamespaceRequest));
}

impl Masked for v1::Cluster {
    fn parts() -> Vec<Part<Self>> {
        parts!(Self: ; node_port_range dns_domain ip_families endpoint_ranges workload_ranges;)
    }

    fn arbitrary() -> BoxedStrategy<Self> {
        let ranges = || texts(&["192.0.2.0/24", "198.51.100.0/24"]);
        let domain = select(vec!["cluster.local", "example.internal"]).prop_map(str::to_owned);
        let ports = (30_000..30_005_i32).prop_map(|first| v1::PortRange {
            first,
            last: 32_767,
        });
        let spec = (ports, domain, ranges(), ranges());
        spec.prop_map(
            |(ports, dns_domain, endpoint_ranges, workload_ranges)| Self {
                spec: Some(v1::ClusterSpec {
                    node_port_range: Some(ports),
                    dns_domain,
                    ip_families: vec![v1::IpFamily::Ipv4.into()],
                    endpoint_ranges,
                    workload_ranges,
                }),
                ..Self::default()
            },
        )
        .boxed()
    }

    /// It is there already.
    async fn create(server: &Server, message: Self) -> Self {
        let all = prost_types::FieldMask {
            paths: vec!["*".to_owned()],
        };
        Self::update(server, message, Some(all)).await.unwrap()
    }

    fn settled(self) -> Self {
        Self {
            status: None,
            ..self
        }
    }

    through!(@ Cluster, cluster, "clusters/default"; update_cluster(UpdateClusterRequest), get_cluster(GetClusterRequest));
}

impl Masked for v1::Service {
    /// Without what is allocated where it is left out.
    fn parts() -> Vec<Part<Self>> {
        parts!(Self: labels annotations; selector ports session_affinity session_affinity_config
            internal_traffic_policy traffic_distribution publish_not_ready_addresses;)
    }

    fn arbitrary() -> BoxedStrategy<Self> {
        let port = (1..9_i32).prop_map(|port| v1::ServicePort {
            name: "web".to_owned(),
            port,
            protocol: v1::Protocol::Tcp.into(),
            target: Some(v1::service_port::Target::TargetPort(8080)),
            ..v1::ServicePort::default()
        });
        // Without affinity its settings go by themselves; that is no affair of masks.
        let config = (1..9_i32).prop_map(|seconds| v1::SessionAffinityConfig {
            client_ip_timeout_seconds: Some(seconds),
        });
        let spec = (labels(), port, config, 1..3_i32, 0..3_i32, any::<bool>());
        let spec = spec.prop_map(|(selector, port, config, policy, distribution, publish)| {
            v1::ServiceSpec {
                selector,
                ports: vec![port],
                session_affinity: v1::SessionAffinity::ClientIp.into(),
                session_affinity_config: Some(config),
                internal_traffic_policy: policy,
                traffic_distribution: distribution,
                publish_not_ready_addresses: publish,
                ..v1::ServiceSpec::default()
            }
        });
        let all = (labels(), labels(), spec).prop_map(|(labels, annotations, spec)| Self {
            labels,
            annotations,
            spec: Some(spec),
            ..Self::default()
        });
        all.boxed()
    }

    fn settled(self) -> Self {
        Self {
            warnings: Vec::new(),
            ..self
        }
    }

    through!(Service, service, service_id, within("services"), NAMESPACE;
        create_service(CreateServiceRequest), update_service(UpdateServiceRequest), get_service(GetServiceRequest));
}

#[test]
fn workloads_change_only_where_the_mask_says() {
    run::<v1::Workload>();
}

#[test]
fn nodes_change_only_where_the_mask_says() {
    run::<v1::Node>();
}

#[test]
fn namespaces_change_only_where_the_mask_says() {
    run::<v1::Namespace>();
}

#[test]
fn clusters_change_only_where_the_mask_says() {
    run::<v1::Cluster>();
}

#[test]
fn services_change_only_where_the_mask_says() {
    run::<v1::Service>();
}
