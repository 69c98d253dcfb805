//! Services as a case describes them, and what the control plane would make of them.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use portolan_dataplane::{Capabilities, FrontendKey};
use portolan_model::view::{FrontendAt, FrontendView, ServiceView};
use portolan_model::{
    ClusterIps, Endpoint, EndpointPort, Family, Labels, Meta, Name, Origin, Protocol, Revision,
    Service as Stored, ServicePort, ServiceSpec, ServiceType, SessionAffinity, TargetPort,
    Timestamp, TrafficPolicy, Uid,
};

use crate::{ECHO, Host, Network};

/// Port of every virtual address.
pub const PORT: u16 = 80;

/// Protocols that the lab has servers and clients for: every Service has a port of each.
pub const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

/// Where clients turn to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The virtual address.
    ClusterIp,
    /// The port on a node, at its primary address.
    NodePort(&'static str),
    /// The load balancer's address.
    LoadBalancer,
}

/// A member of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    host: &'static str,
    port: u16,
    ready: bool,
    serving: bool,
    terminating: bool,
    weight: u32,
}

/// A workload or a node's own server that answers.
pub fn ready(host: &'static str) -> Member {
    Member {
        host,
        port: ECHO,
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
    }
}

/// One that does not answer its probe.
pub fn unready(host: &'static str) -> Member {
    Member {
        ready: false,
        serving: false,
        ..ready(host)
    }
}

/// One that is about to end, and still answers.
pub fn terminating(host: &'static str) -> Member {
    Member {
        ready: false,
        terminating: true,
        ..ready(host)
    }
}

impl Member {
    /// Reached at another port.
    pub fn at_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// With another share of the traffic.
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// That published whatever its probe says.
    pub fn published(self) -> Self {
        Self {
            ready: true,
            ..self
        }
    }
}

/// A Service of a lab. Number N has `10.96.0.N` and `fd00:96::N`, the node port 30000 + N, and, if it is a load balancer,
/// `203.0.113.N` and `2001:db8:cafe::N`.
#[derive(Clone, Debug)]
pub struct Service {
    number: u8,
    protocols: Vec<Protocol>,
    families: Vec<Family>,
    spec: ServiceSpec,
    labels: Labels,
    pub(crate) members: Vec<Member>,
}

impl Service {
    /// A plain one with a virtual address.
    pub fn new(number: u8, members: &[Member]) -> Self {
        Self {
            number,
            protocols: PROTOCOLS.to_vec(),
            families: vec![Family::V4, Family::V6],
            spec: ServiceSpec {
                internal_traffic_policy: Some(TrafficPolicy::Cluster),
                ..ServiceSpec::default()
            },
            labels: Labels::new(),
            members: members.to_vec(),
        }
    }

    /// With a port on every node and a load balancer's address.
    pub fn external(number: u8, members: &[Member]) -> Self {
        let mut service = Self::new(number, members);
        service.spec.kind = ServiceType::LoadBalancer;
        service.spec.external_traffic_policy = Some(TrafficPolicy::Cluster);
        service
    }

    /// With other members.
    pub fn with(&self, members: &[Member]) -> Self {
        Self {
            members: members.to_vec(),
            ..self.clone()
        }
    }

    /// With one port only: another Service may have the same number then.
    pub fn only(mut self, protocol: Protocol) -> Self {
        self.protocols = vec![protocol];
        self
    }

    /// Sources outside reach only members on the node that they turn to.
    pub fn external_local(mut self) -> Self {
        self.spec.external_traffic_policy = Some(TrafficPolicy::Local);
        self
    }

    /// The virtual address leads only to members on the client's node.
    pub fn internal_local(mut self) -> Self {
        self.spec.internal_traffic_policy = Some(TrafficPolicy::Local);
        self
    }

    /// Clients keep their member until they stay away for that long.
    pub fn affine(mut self, seconds: u32) -> Self {
        self.spec.session_affinity = SessionAffinity::ClientIP;
        self.spec.affinity_timeout = Some(seconds);
        self
    }

    /// Only these clients may use the load balancer's address.
    pub fn only_from(mut self, ranges: &[IpNet]) -> Self {
        self.spec.source_ranges = ranges.to_vec();
        self
    }

    /// As far as a plugin can carry it: with the transports that it declares, unless one was chosen on purpose, and with
    /// the families that it declares or the case is about.
    pub(crate) fn within(&self, can: &Capabilities, family: Family) -> Self {
        let mut service = self.clone();
        if service.protocols == PROTOCOLS {
            service.protocols.retain(|p| can.protocols.contains(p));
        }
        let mut families = can.families.clone();
        families.insert(family);
        service.families.retain(|f| families.contains(f));
        service
    }

    /// With a label.
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Its virtual address.
    pub fn cluster_ip(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => [10, 96, 0, self.number].into(),
            Family::V6 => [0xfd00, 0x96, 0, 0, 0, 0, 0, self.number.into()].into(),
        }
    }

    /// Its load balancer's address.
    pub fn load_balancer_ip(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => [203, 0, 113, self.number].into(),
            Family::V6 => [0x2001, 0xdb8, 0xcafe, 0, 0, 0, 0, self.number.into()].into(),
        }
    }

    /// Its port on every node.
    pub fn node_port(&self) -> u16 {
        30_000 + u16::from(self.number)
    }

    /// Where a target is.
    pub fn at(&self, target: Target, network: &Network, family: Family) -> SocketAddr {
        match target {
            Target::ClusterIp => (self.cluster_ip(family), PORT).into(),
            Target::LoadBalancer => (self.load_balancer_ip(family), PORT).into(),
            Target::NodePort(node) => (network.node(node).address(family), self.node_port()).into(),
        }
    }

    /// The same as a key of its frontend.
    pub fn key(
        &self,
        (target, protocol): (Target, Protocol),
        network: &Network,
        family: Family,
    ) -> FrontendKey {
        let at = self.at(target, network, family);
        FrontendKey {
            address: at.ip(),
            port: at.port(),
            protocol,
        }
    }

    /// Its identity.
    pub fn uid(&self) -> Uid {
        let number = u128::from(self.number) << 96;
        Uid::from_random(number | ((self.protocols[0] as u128) << 104))
    }

    fn name(&self) -> Name {
        let protocol = self.protocols[0].to_string().to_lowercase();
        Name::trusted(format!("{protocol}-{}", self.number))
    }

    pub(crate) fn stored(&self) -> Stored {
        let port = |protocol: &Protocol| ServicePort {
            name: protocol.to_string().to_lowercase(),
            port: PORT,
            protocol: *protocol,
            target: TargetPort::Number(ECHO),
            app_protocol: None,
            node_port: self.spec.is_external().then(|| self.node_port()),
        };
        let families = self.families.clone();
        let addresses = families.iter().map(|family| self.cluster_ip(*family));
        Stored {
            meta: meta(self.name(), self.uid(), self.labels.clone()),
            namespace: Name::trusted("default"),
            spec: ServiceSpec {
                ports: self.protocols.iter().map(port).collect(),
                cluster_ips: ClusterIps::Addresses(addresses.collect()),
                families,
                ..self.spec.clone()
            },
        }
    }

    pub(crate) fn endpoints(&self, network: &Network) -> Vec<Endpoint> {
        let members = self.members.iter();
        let both = members.flat_map(|member| {
            let host = network.host(member.host);
            [Family::V4, Family::V6].map(|family| self.endpoint(*member, host, family))
        });
        both.collect()
    }

    fn endpoint(&self, member: Member, host: &Host, family: Family) -> Endpoint {
        let address = host.address(family);
        let port = |protocol: &Protocol| EndpointPort {
            service_port: protocol.to_string().to_lowercase(),
            port: member.port,
            protocol: *protocol,
        };
        let IpAddr::V6(bits) = (match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
            v6 @ IpAddr::V6(_) => v6,
        }) else {
            unreachable!("both arms are IPv6")
        };
        let own = u128::from_be_bytes(bits.octets());
        let version = if family == Family::V4 { "v4" } else { "v6" };
        Endpoint {
            name: Name::trusted(format!("{}.m.{}.{version}", self.name(), member.host)),
            namespace: Name::trusted("default"),
            uid: Uid::from_random(
                own ^ (u128::from(self.number) << 64) ^ ((self.protocols[0] as u128) << 72),
            ),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            revision: Revision(1),
            service: self.name(),
            service_uid: self.uid(),
            origin: Origin::Source("lab".to_owned()),
            address,
            ports: self.protocols.iter().map(port).collect(),
            node: Some(Name::trusted(host.node.unwrap_or(member.host))),
            zone: String::new(),
            hostname: None,
            ready: member.ready,
            serving: member.serving,
            terminating: member.terminating,
            weight: member.weight,
        }
    }

    /// Load balancers' addresses come from pools later; until then the lab gives them, as a pool would: reached like
    /// node ports, and with source ranges.
    pub(crate) fn add_load_balancer(&self, view: &mut ServiceView) {
        let mut added = Vec::new();
        for frontend in &view.frontends {
            if let FrontendAt::NodePort(family) = frontend.at {
                added.push(FrontendView {
                    at: FrontendAt::Address(self.load_balancer_ip(family)),
                    port: PORT,
                    source_ranges: self.spec.source_ranges.clone(),
                    ..frontend.clone()
                });
            }
        }
        view.frontends.extend(added);
    }
}

pub(crate) fn meta(name: Name, uid: Uid, labels: Labels) -> Meta {
    Meta {
        name,
        uid,
        generation: 1,
        labels,
        annotations: Labels::new(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        created_in: Revision(1),
        revision: Revision(1),
    }
}
