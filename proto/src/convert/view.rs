//! Views of the node stream. Encoding is canonical: equal views have equal bytes on every replica, since every field
//! is a scalar, a list in a fixed order or a message of such.

use std::net::IpAddr;

use bytes::Bytes;
use ipnet::IpNet;
use portolan_model::view::{
    ClusterView, EndpointPortView, EndpointView, FrontendAt, FrontendView, NodeView, Reach,
    ServiceView, View, ViewKey, ViewKind, WhenEmpty, WorkloadView,
};
use portolan_model::{
    Digest, Family, HttpHeader, Name, Probe, ProbeAction, ProbePort, Protocol, TrafficPolicy, Uid,
};
use prost::Message;

use crate::node::v1 as wire;

/// A body that is no view: a newer server, or a broken one.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Not the message it should be.
    #[error("body of kind {kind} can't be decoded")]
    Malformed {
        /// The kind, as the wire has it.
        kind: i32,
        /// The decoder's error.
        #[source]
        source: Option<prost::DecodeError>,
    },
    /// A field has no meaning to this release.
    #[error("{0} has a value that this release does not know")]
    Unknown(&'static str),
}

/// The body of a view.
pub fn encode(view: &View) -> Bytes {
    let body = match view {
        View::Cluster(v) => cluster(v).encode_to_vec(),
        View::Node(v) => node(v).encode_to_vec(),
        View::Service(v) => service(v).encode_to_vec(),
        View::Endpoint(v) => endpoint(v).encode_to_vec(),
        View::Workload(v) => workload(v).encode_to_vec(),
    };
    body.into()
}

/// A view from its body.
pub fn decode(kind: ViewKind, body: &[u8]) -> Result<View, ViewError> {
    fn message<M: Message + Default>(kind: ViewKind, body: &[u8]) -> Result<M, ViewError> {
        M::decode(body).map_err(|source| ViewError::Malformed {
            kind: kind as i32,
            source: Some(source),
        })
    }
    Ok(match kind {
        ViewKind::Cluster => View::Cluster(from_cluster(message(kind, body)?)?),
        ViewKind::Node => View::Node(from_node(message(kind, body)?)?),
        ViewKind::Service => View::Service(from_service(message(kind, body)?)?),
        ViewKind::Endpoint => View::Endpoint(from_endpoint(message(kind, body)?)?),
        ViewKind::Workload => View::Workload(from_workload(message(kind, body)?)?),
    })
}

/// Share of an object in the stream's digest: BLAKE2b-128 over kind, uid and body.
pub fn digest(key: ViewKey, body: &[u8]) -> Digest {
    Digest::of(&[&[key.kind as u8], key.uid.as_bytes(), body])
}

/// The key of a reference on the wire.
pub fn key(kind: i32, uid: &[u8]) -> Result<ViewKey, ViewError> {
    let malformed = || ViewError::Malformed { kind, source: None };
    let kind = match wire::Kind::try_from(kind) {
        Ok(wire::Kind::Cluster) => ViewKind::Cluster,
        Ok(wire::Kind::Node) => ViewKind::Node,
        Ok(wire::Kind::Service) => ViewKind::Service,
        Ok(wire::Kind::Endpoint) => ViewKind::Endpoint,
        Ok(wire::Kind::Workload) => ViewKind::Workload,
        Ok(wire::Kind::Unspecified) | Err(_) => return Err(malformed()),
    };
    Ok(ViewKey::new(
        kind,
        Uid::from_slice(uid).ok_or_else(malformed)?,
    ))
}

/// A reference on the wire.
pub fn object_ref(key: ViewKey) -> wire::ObjectRef {
    wire::ObjectRef {
        kind: key.kind as i32,
        uid: key.uid.as_bytes().to_vec(),
    }
}

/// An address as 4 or 16 bytes.
pub fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// An address from 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Result<IpAddr, ViewError> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(v4.into());
    }
    <[u8; 16]>::try_from(bytes)
        .map(IpAddr::from)
        .map_err(|_| ViewError::Unknown("address"))
}

fn addresses(list: &[Vec<u8>]) -> Result<Vec<IpAddr>, ViewError> {
    list.iter().map(|bytes| address(bytes)).collect()
}

fn nets(list: &[IpNet]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn from_nets(list: &[String]) -> Result<Vec<IpNet>, ViewError> {
    list.iter()
        .map(|text| text.parse().map_err(|_| ViewError::Unknown("range")))
        .collect()
}

fn uid(bytes: &[u8]) -> Result<Uid, ViewError> {
    Uid::from_slice(bytes).ok_or(ViewError::Unknown("uid"))
}

fn port(number: u32) -> Result<u16, ViewError> {
    u16::try_from(number).map_err(|_| ViewError::Unknown("port"))
}

fn cluster(v: &ClusterView) -> wire::ClusterConfig {
    wire::ClusterConfig {
        service_cidrs: nets(&v.service_cidrs),
        endpoint_ranges: nets(&v.endpoint_ranges),
        workload_ranges: nets(&v.workload_ranges),
        dns_domain: v.dns_domain.clone(),
    }
}

fn from_cluster(m: wire::ClusterConfig) -> Result<ClusterView, ViewError> {
    Ok(ClusterView {
        service_cidrs: from_nets(&m.service_cidrs)?,
        endpoint_ranges: from_nets(&m.endpoint_ranges)?,
        workload_ranges: from_nets(&m.workload_ranges)?,
        dns_domain: m.dns_domain,
    })
}

fn node(v: &NodeView) -> wire::Node {
    wire::Node {
        name: v.name.to_string(),
        zone: v.zone.clone(),
        addresses: v.addresses.iter().copied().map(address_bytes).collect(),
        node_port_addresses: v
            .node_port_addresses
            .iter()
            .copied()
            .map(address_bytes)
            .collect(),
    }
}

fn from_node(m: wire::Node) -> Result<NodeView, ViewError> {
    Ok(NodeView {
        name: Name::trusted(m.name),
        zone: m.zone,
        addresses: addresses(&m.addresses)?,
        node_port_addresses: addresses(&m.node_port_addresses)?,
    })
}

fn service(v: &ServiceView) -> wire::Service {
    wire::Service {
        namespace: v.namespace.to_string(),
        name: v.name.to_string(),
        frontends: v.frontends.iter().map(frontend).collect(),
        external_name: v.external_name.clone(),
        headless: v.headless,
    }
}

fn from_service(m: wire::Service) -> Result<ServiceView, ViewError> {
    Ok(ServiceView {
        namespace: Name::trusted(m.namespace),
        name: Name::trusted(m.name),
        frontends: m
            .frontends
            .into_iter()
            .map(from_frontend)
            .collect::<Result<_, _>>()?,
        external_name: m.external_name,
        headless: m.headless,
    })
}

fn frontend(v: &FrontendView) -> wire::Frontend {
    let at = match v.at {
        FrontendAt::Address(address) => wire::frontend::At::Address(address_bytes(address)),
        FrontendAt::NodePort(at) => wire::frontend::At::NodePort(family(at).into()),
    };
    let reach = match v.reach {
        Reach::Internal => wire::Reach::Internal,
        Reach::External => wire::Reach::External,
    };
    let policy = match v.policy {
        TrafficPolicy::Cluster => wire::Policy::Cluster,
        TrafficPolicy::Local => wire::Policy::Local,
    };
    let when_empty = match v.when_empty {
        WhenEmpty::Reject => wire::WhenEmpty::Reject,
        WhenEmpty::Drop => wire::WhenEmpty::Drop,
    };
    wire::Frontend {
        at: Some(at),
        reach: reach.into(),
        policy: policy.into(),
        port: v.port.into(),
        protocol: protocol(v.protocol).into(),
        service_port: v.service_port.clone(),
        affinity_seconds: v.affinity_seconds,
        source_ranges: nets(&v.source_ranges),
        when_empty: when_empty.into(),
        node_hints_valid: v.node_hints_valid,
        zone_hints_valid: v.zone_hints_valid,
    }
}

fn from_frontend(m: wire::Frontend) -> Result<FrontendView, ViewError> {
    let (reach, policy, when_empty, protocol) =
        (m.reach(), m.policy(), m.when_empty(), m.protocol());
    let at = match m.at {
        Some(wire::frontend::At::Address(bytes)) => FrontendAt::Address(address(&bytes)?),
        Some(wire::frontend::At::NodePort(family)) => match wire::Family::try_from(family) {
            Ok(wire::Family::Ipv4) => FrontendAt::NodePort(Family::V4),
            Ok(wire::Family::Ipv6) => FrontendAt::NodePort(Family::V6),
            _ => return Err(ViewError::Unknown("node_port")),
        },
        None => return Err(ViewError::Unknown("at")),
    };
    Ok(FrontendView {
        at,
        reach: match reach {
            wire::Reach::Internal => Reach::Internal,
            wire::Reach::External => Reach::External,
            wire::Reach::Unspecified => return Err(ViewError::Unknown("reach")),
        },
        policy: match policy {
            wire::Policy::Cluster => TrafficPolicy::Cluster,
            wire::Policy::Local => TrafficPolicy::Local,
            wire::Policy::Unspecified => return Err(ViewError::Unknown("policy")),
        },
        port: port(m.port)?,
        protocol: from_protocol(protocol)?,
        service_port: m.service_port,
        affinity_seconds: m.affinity_seconds,
        source_ranges: from_nets(&m.source_ranges)?,
        when_empty: match when_empty {
            wire::WhenEmpty::Reject => WhenEmpty::Reject,
            wire::WhenEmpty::Drop => WhenEmpty::Drop,
            wire::WhenEmpty::Unspecified => return Err(ViewError::Unknown("when_empty")),
        },
        node_hints_valid: m.node_hints_valid,
        zone_hints_valid: m.zone_hints_valid,
    })
}

/// A family on the wire.
pub fn family(family: Family) -> wire::Family {
    match family {
        Family::V4 => wire::Family::Ipv4,
        Family::V6 => wire::Family::Ipv6,
    }
}

/// A family from the wire.
pub fn from_family(family: wire::Family) -> Result<Family, ViewError> {
    match family {
        wire::Family::Ipv4 => Ok(Family::V4),
        wire::Family::Ipv6 => Ok(Family::V6),
        wire::Family::Unspecified => Err(ViewError::Unknown("family")),
    }
}

/// A transport on the wire.
pub fn protocol(protocol: Protocol) -> wire::Protocol {
    match protocol {
        Protocol::Tcp => wire::Protocol::Tcp,
        Protocol::Udp => wire::Protocol::Udp,
        Protocol::Sctp => wire::Protocol::Sctp,
    }
}

/// A transport from the wire.
pub fn from_protocol(protocol: wire::Protocol) -> Result<Protocol, ViewError> {
    match protocol {
        wire::Protocol::Tcp => Ok(Protocol::Tcp),
        wire::Protocol::Udp => Ok(Protocol::Udp),
        wire::Protocol::Sctp => Ok(Protocol::Sctp),
        wire::Protocol::Unspecified => Err(ViewError::Unknown("protocol")),
    }
}

fn endpoint(v: &EndpointView) -> wire::Endpoint {
    let ports = v.ports.iter().map(|p| wire::EndpointPort {
        service_port: p.service_port.clone(),
        port: p.port.into(),
        cluster: p.cluster,
        local: p.local,
    });
    wire::Endpoint {
        service_uid: v.service.as_bytes().to_vec(),
        address: address_bytes(v.address),
        ports: ports.collect(),
        node: v.node.as_ref().map(ToString::to_string).unwrap_or_default(),
        zone: v.zone.clone(),
        hostname: v.hostname.clone(),
        ready: v.ready,
        serving: v.serving,
        terminating: v.terminating,
        weight: v.weight,
        node_hints: v.node_hints.iter().map(ToString::to_string).collect(),
        zone_hints: v.zone_hints.clone(),
    }
}

fn from_endpoint(m: wire::Endpoint) -> Result<EndpointView, ViewError> {
    let ports = m.ports.into_iter().map(|p| {
        Ok(EndpointPortView {
            service_port: p.service_port,
            port: port(p.port)?,
            cluster: p.cluster,
            local: p.local,
        })
    });
    Ok(EndpointView {
        service: uid(&m.service_uid)?,
        address: address(&m.address)?,
        ports: ports.collect::<Result<_, ViewError>>()?,
        node: Some(m.node)
            .filter(|node| !node.is_empty())
            .map(Name::trusted),
        zone: m.zone,
        hostname: m.hostname,
        ready: m.ready,
        serving: m.serving,
        terminating: m.terminating,
        weight: m.weight,
        node_hints: m.node_hints.into_iter().map(Name::trusted).collect(),
        zone_hints: m.zone_hints,
    })
}

fn workload(v: &WorkloadView) -> wire::Workload {
    wire::Workload {
        namespace: v.namespace.to_string(),
        name: v.name.to_string(),
        node: v.node.to_string(),
        addresses: v.addresses.iter().copied().map(address_bytes).collect(),
        probe: Some(probe(&v.probe)),
        probe_generation: v.probe_generation,
    }
}

fn from_workload(m: wire::Workload) -> Result<WorkloadView, ViewError> {
    Ok(WorkloadView {
        namespace: Name::trusted(m.namespace),
        name: Name::trusted(m.name),
        node: Name::trusted(m.node),
        addresses: addresses(&m.addresses)?,
        probe: from_probe(m.probe.ok_or(ViewError::Unknown("probe"))?)?,
        probe_generation: m.probe_generation,
    })
}

fn probe(v: &Probe) -> wire::Probe {
    let number = |port: &ProbePort| match port {
        ProbePort::Number(number) => u32::from(*number),
        // The projection resolves names; an unresolved one would fail as port 0 does.
        ProbePort::Name(_) => 0,
    };
    let action = match &v.action {
        ProbeAction::HttpGet {
            port,
            path,
            host,
            headers,
        } => wire::probe::Action::HttpGet(wire::HttpGet {
            port: number(port),
            path: path.clone(),
            host: host.clone(),
            headers: headers
                .iter()
                .map(|h| wire::HttpHeader {
                    name: h.name.clone(),
                    value: h.value.clone(),
                })
                .collect(),
        }),
        ProbeAction::TcpConnect { port } => {
            wire::probe::Action::TcpConnect(wire::TcpConnect { port: number(port) })
        }
        ProbeAction::GrpcCheck { port, service } => {
            wire::probe::Action::GrpcCheck(wire::GrpcCheck {
                port: (*port).into(),
                service: service.clone(),
            })
        }
    };
    wire::Probe {
        action: Some(action),
        initial_delay_ms: v.initial_delay_seconds.saturating_mul(1000),
        period_ms: v.period_seconds.saturating_mul(1000),
        timeout_ms: v.timeout_seconds.saturating_mul(1000),
        success_threshold: v.success_threshold,
        failure_threshold: v.failure_threshold,
    }
}

fn from_probe(m: wire::Probe) -> Result<Probe, ViewError> {
    let action = match m.action.ok_or(ViewError::Unknown("action"))? {
        wire::probe::Action::HttpGet(get) => ProbeAction::HttpGet {
            port: ProbePort::Number(port(get.port)?),
            path: get.path,
            host: get.host,
            headers: get
                .headers
                .into_iter()
                .map(|h| HttpHeader {
                    name: h.name,
                    value: h.value,
                })
                .collect(),
        },
        wire::probe::Action::TcpConnect(tcp) => ProbeAction::TcpConnect {
            port: ProbePort::Number(port(tcp.port)?),
        },
        wire::probe::Action::GrpcCheck(grpc) => ProbeAction::GrpcCheck {
            port: port(grpc.port)?,
            service: grpc.service,
        },
    };
    Ok(Probe {
        action,
        initial_delay_seconds: m.initial_delay_ms / 1000,
        period_seconds: (m.period_ms / 1000).max(1),
        timeout_seconds: (m.timeout_ms / 1000).max(1),
        success_threshold: m.success_threshold.max(1),
        failure_threshold: m.failure_threshold.max(1),
    })
}
