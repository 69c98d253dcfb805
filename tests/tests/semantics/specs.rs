//! Specifications, from the simplest of each type.

use portolan_proto::v1;
use v1::{
    IpFamily, IpFamilyPolicy, Protocol, ServicePort, ServiceSpec, ServiceType, TrafficPolicy,
};

use crate::cluster::texts;

/// A TCP port without a name.
pub(crate) fn port(number: i32) -> ServicePort {
    named("", number)
}

/// A TCP port.
pub(crate) fn named(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: name.to_owned(),
        port: number,
        ..ServicePort::default()
    }
}

/// A UDP port.
pub(crate) fn udp(name: &str, number: i32) -> ServicePort {
    ServicePort {
        protocol: Protocol::Udp.into(),
        ..named(name, number)
    }
}

/// A port with a node port.
pub(crate) fn at(node_port: i32, port: ServicePort) -> ServicePort {
    ServicePort { node_port, ..port }
}

/// A Service of a type with one port.
pub(crate) fn of(kind: ServiceType) -> ServiceSpec {
    ServiceSpec {
        r#type: kind.into(),
        ports: vec![port(80)],
        ..ServiceSpec::default()
    }
}

pub(crate) fn cluster_ip() -> ServiceSpec {
    of(ServiceType::ClusterIp)
}

pub(crate) fn node_port() -> ServiceSpec {
    of(ServiceType::NodePort)
}

pub(crate) fn load_balancer() -> ServiceSpec {
    of(ServiceType::LoadBalancer)
}

/// One that needs a port for health checks.
pub(crate) fn local_balancer() -> ServiceSpec {
    ServiceSpec {
        external_traffic_policy: TrafficPolicy::Local.into(),
        ..load_balancer()
    }
}

pub(crate) fn alias() -> ServiceSpec {
    ServiceSpec {
        r#type: ServiceType::ExternalName.into(),
        external_name: "db.example.com".to_owned(),
        ..ServiceSpec::default()
    }
}

/// Headless, with a selector.
pub(crate) fn headless() -> ServiceSpec {
    with(cluster_ip(), |s| {
        s.cluster_ips = texts(&["None"]);
        s.selector = [("app".to_owned(), "web".to_owned())].into();
    })
}

/// A specification with something else in it.
pub(crate) fn with(mut spec: ServiceSpec, change: impl FnOnce(&mut ServiceSpec)) -> ServiceSpec {
    change(&mut spec);
    spec
}

/// With these ports.
pub(crate) fn with_ports<const N: usize>(
    spec: ServiceSpec,
    ports: [ServicePort; N],
) -> ServiceSpec {
    with(spec, |s| s.ports = ports.into())
}

/// With these addresses.
pub(crate) fn with_addresses(spec: ServiceSpec, addresses: &[&str]) -> ServiceSpec {
    with(spec, |s| s.cluster_ips = texts(addresses))
}

pub(crate) const SINGLE: IpFamilyPolicy = IpFamilyPolicy::SingleStack;
pub(crate) const PREFER: IpFamilyPolicy = IpFamilyPolicy::PreferDualStack;
pub(crate) const REQUIRE: IpFamilyPolicy = IpFamilyPolicy::RequireDualStack;

/// With a family policy.
pub(crate) fn with_policy(spec: ServiceSpec, policy: IpFamilyPolicy) -> ServiceSpec {
    with(spec, |s| s.ip_family_policy = policy.into())
}

/// With families: 4 and 6.
pub(crate) fn with_families(spec: ServiceSpec, families: &[u8]) -> ServiceSpec {
    with(spec, |s| s.ip_families = numbers(families))
}

/// Families as the wire has them.
pub(crate) fn numbers(families: &[u8]) -> Vec<i32> {
    let number = |family: &u8| match family {
        4 => IpFamily::Ipv4,
        6 => IpFamily::Ipv6,
        _ => IpFamily::Unspecified,
    };
    families.iter().map(|f| number(f).into()).collect()
}

/// The families of a specification: 4 and 6.
pub(crate) fn families(spec: &ServiceSpec) -> Vec<u8> {
    let number = |family| match family {
        IpFamily::Ipv4 => 4,
        IpFamily::Ipv6 => 6,
        IpFamily::Unspecified => 0,
    };
    spec.ip_families().map(number).collect()
}

/// A value with something else in it.
pub(crate) fn with_more<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}
