//! Node ports: what may be asked for, what is kept, what is shared, what is picked.

use portolan_model::alloc::{Pick, pick_port};
use portolan_model::{
    Change, ClaimOwner, ClaimState, PortClaim, PortRange, Precondition, Reason, Refusal, Service,
    ServicePort, ServiceSpec,
};

use super::draft::Draft;
use super::quarantine::{Caps, time_left};

/// Fills in the numbers that need no picking. In this order: what is asked for stays; a port takes up the number that
/// its namesake had before, unless another one asks for it now; entries for the same port (TCP and UDP) share one.
pub(super) fn carry_over(spec: &mut ServiceSpec, before: Option<&Service>) {
    let asked: Vec<u16> = spec
        .ports
        .iter()
        .filter_map(|port| port.node_port)
        .collect();
    // A load balancer without automatic node ports gives up what it leaves out (KEP-1864).
    let keeps = spec.allocate_node_ports != Some(false);
    for port in &mut spec.ports {
        if keeps && port.node_port.is_none() {
            port.node_port = namesake(before, port).filter(|number| !asked.contains(number));
        }
    }
    share(spec);
}

/// Entries for the same port number get the same node port, if one of them has one.
fn share(spec: &mut ServiceSpec) {
    for i in 0..spec.ports.len() {
        if spec.ports[i].node_port.is_none() {
            let (number, protocol) = (spec.ports[i].port, spec.ports[i].protocol);
            let twin = spec
                .ports
                .iter()
                .find(|p| p.port == number && p.protocol != protocol && p.node_port.is_some());
            spec.ports[i].node_port = twin.and_then(|p| p.node_port);
        }
    }
}

fn namesake(before: Option<&Service>, port: &ServicePort) -> Option<u16> {
    let old = before?
        .spec
        .ports
        .iter()
        .find(|old| old.name == port.name)?;
    old.node_port
}

/// Why a port that was asked for can't be had; `None` if it can.
pub(super) fn blocker(
    draft: &Draft,
    range: PortRange,
    field: &str,
    port: u16,
    owner: &ClaimOwner,
) -> Option<Precondition> {
    let blocked = |kind, description| {
        Some(Precondition {
            kind,
            subject: field.to_owned(),
            description,
            holder: None,
        })
    };
    let claim = draft.state().port_claim(port);
    // What is held stays held, wherever the range has gone since.
    if claim.is_some_and(|claim| claim.owner.uid == owner.uid && claim.state.is_held()) {
        return None;
    }
    if !range.contains(port) {
        let description = format!(
            "{port} lies outside the cluster's node ports ({range}); ask for one of these, or leave it out"
        );
        return blocked(Reason::Range, description);
    }
    let claim = claim?;
    match &claim.state {
        _ if claim.owner.uid == owner.uid => None,
        ClaimState::Held => blocked(
            Reason::NodePortInUse,
            format!(
                "node port {port} is held by Service {}; ask for another one, or leave it out",
                claim.owner.key()
            ),
        )
        .map(|blocked| blocked.held_by(&claim.owner)),
        ClaimState::Quarantined { .. } if claim.owner.key() == owner.key() => None,
        ClaimState::Quarantined { released_at, .. } => blocked(
            Reason::NodePortQuarantined,
            format!(
                "node port {port} was released by Service {}, and nodes may still forward for it; it is free at the latest in {}",
                claim.owner.key(),
                time_left(Caps::of(draft.state()).port(), *released_at, draft.now())
            ),
        ),
    }
}

/// Picks the numbers that are still missing, after those that are fixed were claimed.
pub(super) fn pick_missing(
    draft: &mut Draft,
    range: PortRange,
    spec: &mut ServiceSpec,
    owner: &ClaimOwner,
) -> Result<(), Refusal> {
    for i in 0..spec.ports.len() {
        if spec.ports[i].node_port.is_none() {
            spec.ports[i].node_port = Some(pick(draft, range, owner)?);
            share(spec);
        }
    }
    Ok(())
}

/// Picks and claims a free number.
pub(super) fn pick(
    draft: &mut Draft,
    range: PortRange,
    owner: &ClaimOwner,
) -> Result<u16, Refusal> {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the seed")]
    let seed = draft.random() as u64;
    let Pick::Free(port) = pick_port(range, &draft.occupied_ports(), seed) else {
        return Err(exhausted(draft, range));
    };
    claim(draft, port, owner);
    Ok(port)
}

/// Claims a port that nothing blocks. A no-op if the owner holds it already.
pub(super) fn claim(draft: &mut Draft, port: u16, owner: &ClaimOwner) {
    let before = draft.state().port_claim(port).cloned();
    if before
        .as_ref()
        .is_some_and(|claim| claim.owner.uid == owner.uid && claim.state.is_held())
    {
        return;
    }
    let after = PortClaim {
        port,
        owner: owner.clone(),
        state: ClaimState::Held,
    };
    draft.apply(Change {
        before: before.map(Into::into),
        after: Some(after.into()),
    });
}

fn exhausted(draft: &Draft, range: PortRange) -> Refusal {
    let waiting = draft.state().quarantined_ports();
    let quarantined = waiting.filter(|claim| range.contains(claim.port)).count() as u64;
    let occupied = draft.occupied_ports();
    let used = occupied.count(false, range.first.into(), range.last.into()) - quarantined;
    let capacity = u64::from(range.size());
    let description = format!(
        "no node port is free in {range}: {used} in use, {quarantined} released but not yet free, of {capacity}; delete Services, or use type ClusterIP"
    );
    let subject = range.to_string();
    Refusal::Exhausted {
        reason: Reason::NodePortExhausted,
        subject,
        description,
        used,
        quarantined,
        capacity,
    }
}
