//! Node ports of a Service: which number is kept, which is shared, which is picked.

use portolan_model::{ClaimOwner, Refusal, Service, ServicePort, ServiceSpec};

use super::super::claims::{Pool, PortPool};
use super::super::draft::Draft;

/// Fills in the numbers that need no picking. In this order: what is asked for stays; a port takes up the number that
/// it had before, unless another one asks for it now; entries for the same port (TCP and UDP) share one.
pub(super) fn carry_over(spec: &mut ServiceSpec, before: Option<&Service>) {
    let asked: Vec<u16> = spec
        .ports
        .iter()
        .filter_map(|port| port.node_port)
        .collect();
    // A load balancer without automatic node ports gives up what it leaves out (KEP-1864).
    let keeps = spec.allocate_node_ports != Some(false);
    let names: Vec<_> = spec.ports.iter().map(|port| port.name.clone()).collect();
    for port in &mut spec.ports {
        if keeps && port.node_port.is_none() {
            let had = before.and_then(|before| earlier(&before.spec, port, &names));
            let had = had.and_then(|had| had.node_port);
            port.node_port = had.filter(|number| !asked.contains(number));
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

/// What a port was before: its namesake, or else what had its number and protocol under a name that nobody has any more.
fn earlier<'a>(
    before: &'a ServiceSpec,
    port: &ServicePort,
    names: &[String],
) -> Option<&'a ServicePort> {
    let namesake = before.ports.iter().find(|old| old.name == port.name);
    namesake.or_else(|| {
        let mut renamed = before.ports.iter();
        renamed.find(|old| {
            (old.port, old.protocol) == (port.port, port.protocol) && !names.contains(&old.name)
        })
    })
}

/// Picks the numbers that are still missing, after those that are fixed were claimed.
pub(super) fn pick_missing(
    draft: &mut Draft,
    pool: &PortPool,
    spec: &mut ServiceSpec,
    owner: &ClaimOwner,
) -> Result<(), Refusal> {
    for i in 0..spec.ports.len() {
        if spec.ports[i].node_port.is_none() {
            spec.ports[i].node_port = Some(pool.pick(draft, owner)?);
            share(spec);
        }
    }
    Ok(())
}
