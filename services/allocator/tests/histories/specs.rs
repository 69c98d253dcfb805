//! Services as people ask for them, over few names, addresses and ports, so that they clash.

use std::net::IpAddr;

use portolan_allocator::Params;
use portolan_model::{
    ClusterIps, Family, FamilyPolicy, Labels, Protocol, ServicePort, ServiceSpec, ServiceType,
    SessionAffinity, TargetPort, TrafficDistribution, TrafficPolicy,
};

use super::copied::{Copied, Fields, some};
use super::draw::Draw;

const FAMILIES: [&[Family]; 5] = [
    &[],
    &[Family::V4],
    &[Family::V6],
    &[Family::V4, Family::V6],
    &[Family::V6, Family::V4],
];
const POLICIES: [TrafficPolicy; 2] = [TrafficPolicy::Local, TrafficPolicy::Cluster];

/// What a Service is asked to be: whole, or some of its fields.
pub(crate) fn service(draw: &mut Draw<'_>) -> Copied<ServiceSpec> {
    let fields = if draw.once_in(3) {
        some(draw, 3, ServiceSpec::ALL.len())
    } else {
        (0..ServiceSpec::ALL.len()).collect()
    };
    let sent = Params {
        labels: label(draw),
        annotations: Labels::new(),
        spec: spec(draw),
    };
    Copied { sent, fields }
}

/// One of three groups, or none.
pub(crate) fn label(draw: &mut Draw<'_>) -> Labels {
    let groups = ["a", "b", "c"];
    let group = draw.maybe(2, |draw| ("app".to_owned(), draw.one(&groups).to_owned()));
    group.into_iter().collect()
}

fn spec(draw: &mut Draw<'_>) -> ServiceSpec {
    use ServiceType as T;
    let kind = draw.one(&[
        T::ClusterIP,
        T::NodePort,
        T::LoadBalancer,
        T::NodePort,
        T::ExternalName,
    ]);
    let external = matches!(kind, T::NodePort | T::LoadBalancer);
    let alias = kind == T::ExternalName;
    // Now and then what does not belong to the type, which is then refused or wiped.
    let stray = draw.once_in(12);
    let affinity = draw.once_in(6);
    ServiceSpec {
        kind,
        selector: label(draw).into(),
        ports: ports(draw, external || stray),
        cluster_ips: if alias && !stray {
            ClusterIps::default()
        } else {
            cluster_ips(draw, kind == T::ClusterIP || stray)
        },
        families: if alias && !stray {
            Vec::new()
        } else {
            let families = draw.maybe(4, |draw| draw.one(&FAMILIES));
            families.unwrap_or_default().to_vec()
        },
        family_policy: (!alias || stray).then(|| policy(draw)).flatten(),
        session_affinity: if affinity {
            SessionAffinity::ClientIP
        } else {
            SessionAffinity::None
        },
        affinity_timeout: draw.maybe(if affinity { 2 } else { 24 }, |_| 30),
        external_traffic_policy: (external || stray)
            .then(|| draw.maybe(2, |draw| draw.one(&POLICIES)))
            .flatten(),
        internal_traffic_policy: draw.maybe(6, |draw| draw.one(&POLICIES)),
        traffic_distribution: draw.maybe(8, |_| TrafficDistribution::PreferSameZone),
        health_check_node_port: draw.maybe(8, node_port),
        allocate_node_ports: (kind == T::LoadBalancer || stray)
            .then(|| draw.maybe(3, |draw| draw.once_in(2)))
            .flatten(),
        load_balancer_class: (kind == T::LoadBalancer || stray)
            .then(|| draw.maybe(6, |_| "example.com/lb".to_owned()))
            .flatten(),
        source_ranges: Vec::new(),
        requested_load_balancer_ips: Vec::new(),
        external_name: alias.then(|| "example.com".to_owned()),
        publish_not_ready_addresses: draw.once_in(8),
    }
}

fn policy(draw: &mut Draw<'_>) -> Option<FamilyPolicy> {
    use FamilyPolicy as P;
    let policies = [P::PreferDualStack, P::RequireDualStack, P::SingleStack];
    draw.maybe(3, |draw| draw.one(&policies))
}

fn ports(draw: &mut Draw<'_>, numbered: bool) -> Vec<ServicePort> {
    let count = draw.one(&[1, 1, 2, 2, 3, 0]);
    let port = |i: usize| {
        let shared = draw.once_in(4);
        ServicePort {
            name: if count == 1 { "" } else { ["x", "y", "z"][i] }.to_owned(),
            port: if shared { 53 } else { [80, 81, 82][i] },
            protocol: if shared {
                [Protocol::Tcp, Protocol::Udp, Protocol::Sctp][i]
            } else {
                Protocol::Tcp
            },
            target: if draw.once_in(4) {
                TargetPort::Name("web".to_owned())
            } else {
                TargetPort::Number(8080)
            },
            app_protocol: None,
            node_port: numbered.then(|| draw.maybe(3, node_port)).flatten(),
        }
    };
    (0..count).map(port).collect()
}

fn node_port(draw: &mut Draw<'_>) -> u16 {
    30_000 + u16::from(draw.below(26))
}

fn cluster_ips(draw: &mut Draw<'_>, may_be_headless: bool) -> ClusterIps {
    match draw.below(12) {
        0..7 => ClusterIps::default(),
        7 if may_be_headless => ClusterIps::None,
        11 => ClusterIps::Addresses(vec![virtual_ip(draw, false), virtual_ip(draw, true)]),
        _ => {
            let v6 = draw.once_in(3);
            ClusterIps::Addresses(vec![virtual_ip(draw, v6)])
        }
    }
}

/// In one of the ranges, or just beside.
pub(crate) fn virtual_ip(draw: &mut Draw<'_>, v6: bool) -> IpAddr {
    let last = draw.below(34);
    if v6 {
        [0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last)].into()
    } else {
        [10, 0, 0, last].into()
    }
}
