//! Endpoints.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::usable;
use super::service::{SERVICE_PORT_RULE, is_service_port};
use crate::limits::ENDPOINT_PORTS;
use crate::{Endpoint, Violations};

/// Why an address may not be an endpoint: it must lie in the cluster's endpoint ranges and never in a ServiceCIDR.
/// Unspecified, multicast and link-local addresses never may; loopback only where the ranges say so (CVE-2021-25737).
pub fn endpoint_address(
    address: IpAddr,
    ranges: &[IpNet],
    service_cidrs: &[IpNet],
) -> Result<(), String> {
    if let Some(cidr) = service_cidrs.iter().find(|cidr| cidr.contains(&address)) {
        return Err(format!(
            "{address} lies in the ServiceCIDR {cidr}: traffic would turn in a circle"
        ));
    }
    usable(address)?;
    if ranges.is_empty() && address.is_loopback() {
        return Err(format!(
            "{address} is a loopback address, and the cluster's endpoint_ranges don't name it"
        ));
    }
    if ranges.is_empty() || ranges.iter().any(|range| range.contains(&address)) {
        return Ok(());
    }
    let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
    Err(format!(
        "{address} lies outside the cluster's endpoint_ranges ({})",
        ranges.join(", ")
    ))
}

/// The ports of a hand-written endpoint; `field` is the path of its specification.
pub fn endpoint_ports(field: &str, endpoint: &Endpoint, violations: &mut Violations) {
    let at = format!("{field}.ports");
    if !ENDPOINT_PORTS.check(&at, endpoint.ports.len(), violations) {
        return;
    }
    for (i, port) in endpoint.ports.iter().enumerate() {
        if !is_service_port(&port.service_port) {
            violations.add(format!("{at}[{i}].service_port"), SERVICE_PORT_RULE);
        }
        super::port_number(&format!("{field}.ports[{i}].port"), port.port, violations);
        if endpoint.ports[..i]
            .iter()
            .any(|other| other.service_port == port.service_port)
        {
            violations.add(
                format!("{field}.ports[{i}].service_port"),
                format!("{:?} is there twice", port.service_port),
            );
        }
    }
}
