//! What a Service holds: claimed, picked and released in one go.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan_model::{
    ClaimOwner, Claimed, ClusterIps, Family, Precondition, Refusal, Service, ServiceSpec,
};

use super::super::claims::{AddressPool, Pool, PortPool, claim, release};
use super::super::draft::Draft;
use super::super::preconditions::cluster_spec;
use super::SPEC;
use super::node_ports::pick_missing;

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
    let ports = PortPool(cluster_spec(draft.state())?.node_ports);
    let blockers = blockers(draft, spec, owner, &ports);
    if let Some(first) = blockers.first() {
        return Err(Refusal::Precondition {
            reason: first.kind,
            preconditions: blockers,
        });
    }
    for claimed in used(spec) {
        claim(draft, claimed, owner);
    }
    let fixed = used_ports(spec);
    let mut picked = Picked::default();
    if spec.picks_addresses() {
        picked.addresses = pick_addresses(draft, spec, owner)?;
    }
    if spec.picks_node_ports() {
        pick_missing(draft, &ports, spec, owner)?;
    }
    if spec.needs_health_check() && spec.health_check_node_port.is_none() {
        spec.health_check_node_port = Some(ports.pick(draft, owner)?);
    }
    picked.ports = used_ports(spec).difference(&fixed).copied().collect();
    if let Some(before) = before {
        release_unused(draft, before, &used(spec).collect());
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
        let pool = AddressPool::of(draft.state(), *family);
        picked.push(pool.pick(draft, owner)?);
    }
    all.extend(&picked);
    spec.cluster_ips = ClusterIps::Addresses(all);
    Ok(picked)
}

/// What a Service uses: its addresses in their order, then its ports.
fn used(spec: &ServiceSpec) -> impl Iterator<Item = Claimed> {
    let addresses = spec.cluster_ips.addresses().iter().copied();
    let ports = used_ports(spec).into_iter().map(Claimed::Port);
    addresses.map(Claimed::Address).chain(ports)
}

/// Its node ports, that for health checks included.
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
    pool: &PortPool,
) -> Vec<Precondition> {
    let addresses = spec.cluster_ips.addresses().iter().enumerate();
    let addresses = addresses.filter_map(|(i, address)| {
        let field = format!("{SPEC}.cluster_ips[{i}]");
        AddressPool::of(draft.state(), Family::of(*address)).blocker(draft, &field, *address, owner)
    });
    let ports = spec.ports.iter().enumerate().filter_map(|(i, port)| {
        let number = port.node_port?;
        let field = format!("{SPEC}.ports[{i}].node_port");
        pool.blocker(draft, &field, number, owner)
    });
    let health = spec.health_check_node_port.and_then(|port| {
        let field = format!("{SPEC}.health_check_node_port");
        pool.blocker(draft, &field, port, owner)
    });
    addresses.chain(ports).chain(health).collect()
}

/// Gives up what a Service held and does not use any more. Only its own: claims are checked by owner.
pub(super) fn release_unused(draft: &mut Draft, before: &Service, still: &BTreeSet<Claimed>) {
    for claimed in used(&before.spec).filter(|claimed| !still.contains(claimed)) {
        let claim = draft.state().claim(claimed);
        if claim.is_some_and(|claim| claim.owner.uid == before.meta.uid) {
            release(draft, claimed);
        }
    }
}
