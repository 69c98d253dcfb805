//! What a Service holds: claimed, picked and released in one go.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan_model::{
    ClaimOwner, ClusterIps, PortRange, Precondition, Refusal, Service, ServiceSpec,
};

use super::super::Claimed;
use super::super::draft::Draft;
use super::super::preconditions::cluster_spec;
use super::super::{addresses, ports, quarantine};
use super::SPEC;

/// What was picked, rather than asked for.
#[derive(Default)]
pub(super) struct Picked {
    pub(super) addresses: Vec<IpAddr>,
    /// Node ports, that for health checks included.
    pub(super) ports: Vec<u16>,
}

/// Claims what is asked for, picks what is missing, releases what is no longer used: all or nothing, since a refusal
/// throws the draft away.
pub(super) fn allocate(
    draft: &mut Draft,
    spec: &mut ServiceSpec,
    before: Option<&Service>,
    owner: &ClaimOwner,
) -> Result<Picked, Refusal> {
    let range = cluster_spec(draft.state())?.node_ports;
    let blockers = blockers(draft, spec, owner, range);
    if let Some(first) = blockers.first() {
        return Err(Refusal::Precondition {
            reason: first.kind,
            preconditions: blockers,
        });
    }
    for address in spec.cluster_ips.addresses() {
        addresses::claim(draft, *address, owner);
    }
    for port in used_ports(spec) {
        ports::claim(draft, port, owner);
    }
    let fixed = used_ports(spec);
    let mut picked = Picked::default();
    if spec.picks_addresses() {
        picked.addresses = pick_addresses(draft, spec, owner)?;
    }
    if spec.picks_node_ports() {
        ports::pick_missing(draft, range, spec, owner)?;
    }
    if spec.needs_health_check() && spec.health_check_node_port.is_none() {
        spec.health_check_node_port = Some(ports::pick(draft, range, owner)?);
    }
    picked.ports = used_ports(spec).difference(&fixed).copied().collect();
    draft.picked(picked.addresses.iter().copied().map(Claimed::Address));
    draft.picked(picked.ports.iter().copied().map(Claimed::Port));
    if let Some(before) = before {
        release_unused(
            draft,
            before,
            spec.cluster_ips.addresses(),
            &used_ports(spec),
        );
    }
    Ok(picked)
}

/// Picks an address of every family that has none yet.
fn pick_addresses(
    draft: &mut Draft,
    spec: &mut ServiceSpec,
    owner: &ClaimOwner,
) -> Result<Vec<IpAddr>, Refusal> {
    let mut all = spec.cluster_ips.addresses().to_vec();
    let mut picked = Vec::new();
    for family in spec.families.iter().skip(all.len()) {
        let address = addresses::pick(draft, *family)?;
        addresses::claim(draft, address, owner);
        picked.push(address);
    }
    all.extend(&picked);
    spec.cluster_ips = ClusterIps::Addresses(all);
    Ok(picked)
}

pub(super) fn used_ports(spec: &ServiceSpec) -> BTreeSet<u16> {
    spec.ports
        .iter()
        .filter_map(|port| port.node_port)
        .chain(spec.health_check_node_port)
        .collect()
}

fn blockers(
    draft: &Draft,
    spec: &ServiceSpec,
    owner: &ClaimOwner,
    range: PortRange,
) -> Vec<Precondition> {
    let addresses = spec
        .cluster_ips
        .addresses()
        .iter()
        .enumerate()
        .filter_map(|(i, address)| {
            addresses::blocker(draft, &format!("{SPEC}.cluster_ips[{i}]"), *address, owner)
        });
    let ports = spec.ports.iter().enumerate().filter_map(|(i, port)| {
        ports::blocker(
            draft,
            range,
            &format!("{SPEC}.ports[{i}].node_port"),
            port.node_port?,
            owner,
        )
    });
    let health = spec.health_check_node_port.and_then(|port| {
        let field = format!("{SPEC}.health_check_node_port");
        ports::blocker(draft, range, &field, port, owner)
    });
    addresses.chain(ports).chain(health).collect()
}

/// Gives up what a Service held and does not hold any more. Only its own: claims are checked by owner.
pub(super) fn release_unused(
    draft: &mut Draft,
    before: &Service,
    addresses: &[IpAddr],
    ports: &BTreeSet<u16>,
) {
    for address in before
        .spec
        .cluster_ips
        .addresses()
        .iter()
        .filter(|address| !addresses.contains(address))
    {
        let claim = draft
            .state()
            .ip_claim(*address)
            .filter(|claim| claim.owner.uid == before.meta.uid)
            .cloned();
        if let Some(claim) = claim {
            quarantine::release_address(draft, &claim);
        }
    }
    for port in used_ports(&before.spec).difference(ports) {
        let claim = draft
            .state()
            .port_claim(*port)
            .filter(|claim| claim.owner.uid == before.meta.uid)
            .cloned();
        if let Some(claim) = claim {
            quarantine::release_port(draft, &claim);
        }
    }
}
