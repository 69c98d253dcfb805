//! Objects to write. Equal arguments give equal objects.

use std::net::{IpAddr, Ipv4Addr};

use portolan_model::{
    ClaimOwner, ClaimState, Cluster, ClusterIps, ClusterSpec, Digest, Endpoint, EndpointPort,
    Family, IpClaim, Labels, Meta, Name, Namespace, Node, NodeSpec, Origin, PortClaim, PortRange,
    Protocol, Request, Revision, Service, ServiceCidr, ServicePort, ServiceSpec, TargetPort,
    Timestamp, Uid, Workload, WorkloadSpec,
};

/// A name.
pub fn name(text: &str) -> Name {
    Name::trusted(text)
}

/// The cluster that most cases write.
pub fn cluster() -> Name {
    name("default")
}

/// An identity that depends on the text alone.
pub fn uid(text: &str) -> Uid {
    Uid::from_random(u128::from_be_bytes(
        *Digest::of(&[text.as_bytes()]).as_bytes(),
    ))
}

fn meta(kind: &str, text: &str, generation: u64) -> Meta {
    Meta {
        name: name(text),
        uid: uid(&format!("{kind}/{text}")),
        generation,
        labels: Labels::from([("app".to_owned(), text.to_owned())]),
        // Text that JSON, SQL and terminals disagree about.
        annotations: Labels::from([("note".to_owned(), "'\"\\ {} [] \0 \u{7f} ü 🦀\n".to_owned())]),
        created_at: Timestamp(1_700_000_000_000_001),
        updated_at: Timestamp(1_700_000_000_000_002),
        created_in: Revision(1),
        revision: Revision(generation),
    }
}

/// A Service with one port. The generation makes values differ.
pub fn service(text: &str, generation: u64) -> Service {
    let port = ServicePort {
        name: "http".to_owned(),
        port: 80,
        protocol: Protocol::Tcp,
        target: TargetPort::Number(8080),
        app_protocol: None,
        node_port: Some(30_080),
    };
    let spec = ServiceSpec {
        ports: vec![port],
        cluster_ips: ClusterIps::Addresses(vec![address(10)]),
        families: vec![Family::V4],
        ..ServiceSpec::default()
    };
    Service {
        meta: meta("services", text, generation),
        namespace: name("default"),
        spec,
    }
}

/// The n-th address.
pub fn address(n: u16) -> IpAddr {
    let [high, low] = n.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 96, high, low))
}

/// Who holds claims.
pub fn owner(text: &str) -> ClaimOwner {
    ClaimOwner {
        uid: uid(&format!("services/{text}")),
        namespace: name("default"),
        name: name(text),
    }
}

/// An address in use.
pub fn ip_claim(address: IpAddr, holder: &str) -> IpClaim {
    IpClaim {
        address,
        owner: owner(holder),
        state: ClaimState::Held,
    }
}

/// A node port in use.
pub fn port_claim(port: u16, holder: &str) -> PortClaim {
    PortClaim {
        port,
        owner: owner(holder),
        state: ClaimState::Held,
    }
}

/// A claim's state after its release.
pub fn quarantined() -> ClaimState {
    ClaimState::Quarantined {
        released_in: Revision(7),
        released_at: Timestamp(1_700_000_000_123_457),
    }
}

/// A node.
pub fn node(text: &str) -> Node {
    Node {
        meta: meta("nodes", text, 1),
        spec: NodeSpec::default(),
        session: u64::MAX,
    }
}

/// An endpoint of a Service.
pub fn endpoint(text: &str, ready: bool) -> Endpoint {
    Endpoint {
        name: name(text),
        namespace: name("default"),
        uid: uid(&format!("endpoints/{text}")),
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
        revision: Revision(3),
        service: name("web"),
        service_uid: uid("services/web"),
        origin: Origin::Source("manual".to_owned()),
        address: "fd00::10".parse().expect("an address"),
        ports: vec![EndpointPort {
            service_port: "http".to_owned(),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        node: Some(name("n1")),
        zone: "z".to_owned(),
        hostname: None,
        ready,
        serving: ready,
        terminating: false,
        weight: 1,
    }
}

/// A namespace.
pub fn namespace(text: &str) -> Namespace {
    Namespace {
        meta: meta("namespaces", text, 1),
        spec: portolan_model::NamespaceSpec::default(),
    }
}

/// A cluster object.
pub fn cluster_object(text: &str) -> Cluster {
    let spec = ClusterSpec {
        node_ports: PortRange {
            first: 30_000,
            last: 32_767,
        },
        dns_domain: "cluster.local".to_owned(),
        families: vec![Family::V4, Family::V6],
        endpoint_ranges: Vec::new(),
        workload_ranges: Vec::new(),
    };
    Cluster {
        meta: meta("clusters", text, 1),
        spec,
    }
}

/// A range of addresses.
pub fn service_cidr(text: &str) -> ServiceCidr {
    let cidrs = ["10.96.0.0/16", "fd00:96::/112"].map(|cidr| cidr.parse().expect("a range"));
    ServiceCidr {
        meta: meta("serviceCidrs", text, 1),
        cidrs: cidrs.to_vec(),
        draining_since: None,
    }
}

/// A workload.
pub fn workload(text: &str) -> Workload {
    Workload {
        meta: meta("workloads", text, 1),
        namespace: name("default"),
        spec: WorkloadSpec::default(),
        probe_generation: 1,
        readiness: None,
    }
}

/// A request that was done.
pub fn request(text: &str) -> Request {
    Request {
        id: uid(text).as_uuid(),
        body_hash: "00ff".to_owned(),
        kind: 4,
        path: "default/web".to_owned(),
        revision: Revision(1),
        expires_at: Timestamp(4),
    }
}
