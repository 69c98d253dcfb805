//! Whom a connection concerns: a Service, or nobody.

use std::sync::Arc;

use super::super::finding::list;
use super::{Flow, FlowExplanation, Verdict, place};
use crate::view::{FrontendAt, leaves_alone};
use crate::{Family, Node, Service, State};

/// Whom it concerns.
pub(super) enum Target {
    /// A Service, if it has the port.
    Frontend(Arc<Service>, FrontendAt),
    /// Nobody, and that is the answer.
    Other(Box<FlowExplanation>),
}

fn other(
    verdict: Verdict,
    code: &'static str,
    cause: impl Into<String>,
    remedy: impl Into<String>,
) -> Target {
    Target::Other(Box::new(FlowExplanation::new(verdict, code, cause, remedy)))
}

pub(super) fn find(state: &State, node: &Node, flow: Flow) -> Target {
    let address = flow.destination;
    let claim = state
        .ip_claim(address)
        .filter(|claim| claim.state.is_held());
    let owner = claim.and_then(|claim| state.service_by_uid(claim.owner.uid));
    if let Some(service) = owner {
        return of_service(service, FrontendAt::Address(address));
    }
    let ranges = state.service_ranges();
    if let Some(range) = ranges.iter().find(|range| range.net().contains(&address)) {
        return other(
            Verdict::Dropped,
            "ADDRESS_NOT_ALLOCATED",
            format!(
                "{address} lies in the ServiceCIDR {}, but no Service has it",
                range.net()
            ),
            "ask for the Service's address again: it may have been deleted, and created with another",
        );
    }
    if node.spec.node_port_addresses().contains(&address) {
        return node_port(state, flow);
    }
    elsewhere(state, node, flow)
}

fn of_service(service: &Arc<Service>, at: FrontendAt) -> Target {
    match leaves_alone(service) {
        None => Target::Frontend(service.clone(), at),
        Some(label) => other(
            Verdict::NotOurs,
            "LEFT_ALONE",
            format!(
                "Service {} has the label {label}: Portolan's nodes do not carry it",
                service.key()
            ),
            format!("remove the label {label}, or run the proxy that it means"),
        ),
    }
}

fn node_port(state: &State, flow: Flow) -> Target {
    let claim = state
        .port_claim(flow.port)
        .filter(|claim| claim.state.is_held());
    let owner = claim.and_then(|claim| state.service_by_uid(claim.owner.uid));
    match owner {
        Some(service) => of_service(service, FrontendAt::NodePort(Family::of(flow.destination))),
        None => other(
            Verdict::NotOurs,
            "NO_NODE_PORT",
            format!(
                "no Service has the node port {}: whatever listens on the node itself answers",
                flow.port
            ),
            "use a node port of a Service, or its virtual address",
        ),
    }
}

/// Neither a virtual address nor one where this node answers for node ports.
fn elsewhere(state: &State, node: &Node, flow: Flow) -> Target {
    let address = flow.destination;
    if node.spec.addresses.contains(&address) {
        let answers = node.spec.node_port_addresses();
        return other(
            Verdict::NotOurs,
            "NO_NODE_PORT_ADDRESS",
            format!(
                "{address} is the node's, but node ports answer at {} only",
                list(&answers)
            ),
            "use that address, or add this one to the node's node_port_addresses",
        );
    }
    let of_other = state.nodes().find(|n| n.spec.addresses.contains(&address));
    if let Some(owner) = of_other {
        let name = &owner.meta.name;
        return other(
            Verdict::NotOurs,
            "ADDRESS_OF_OTHER_NODE",
            format!("{address} is node {name}'s: it decides there"),
            format!("ask the same for node {name}"),
        );
    }
    other(
        Verdict::NotOurs,
        "NO_SERVICE_ADDRESS",
        format!(
            "{address} is neither a Service's nor the node's: the flow goes where routes lead it"
        ),
        "",
    )
}

/// A Service that does not have the port.
pub(super) fn other_port(
    service: &Arc<Service>,
    node: &Node,
    at: FrontendAt,
    flow: Flow,
) -> FlowExplanation {
    let ports = service.spec.ports.iter();
    let (verdict, ports): (_, Vec<_>) = match at {
        FrontendAt::Address(_) => (
            Verdict::Rejected,
            ports
                .map(|p| format!("{}/{}", p.port, p.protocol))
                .collect(),
        ),
        FrontendAt::NodePort(_) => (
            Verdict::NotOurs,
            ports
                .filter_map(|p| Some(format!("{}/{}", p.node_port?, p.protocol)))
                .collect(),
        ),
    };
    FlowExplanation {
        service: Some((service.clone(), String::new())),
        ..FlowExplanation::new(
            verdict,
            "PORT_NOT_SERVED",
            format!(
                "Service {} at {} serves {}, not {}/{}",
                service.key(),
                place(at, node),
                list(&ports),
                flow.port,
                flow.protocol
            ),
            "use one of these ports, or add the port to the Service",
        )
    }
}
