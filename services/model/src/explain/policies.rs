//! What policies and mechanisms do on purpose, and people don't expect.

use std::collections::BTreeSet;

use super::finding::{self, count, list, share};
use super::{About, Finding, Severity, Symptom};
use crate::view::{EndpointPortView, FrontendView, Reach, View, WhenEmpty, project_one};
use crate::{Family, Name, Node, TrafficPolicy};

/// The dataplane that ends connections and makes new ones, so that backends see the node.
const RELAY: &str = "userspace";

/// Whether a node's dataplane ends connections and makes new ones.
pub(super) fn relays(node: &Node) -> bool {
    node.spec.dataplane == RELAY
}

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    if !about.has_frontends() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    findings.extend(no_local_endpoint(about, Reach::Internal));
    findings.extend(no_local_endpoint(about, Reach::External));
    findings.extend(replaced_by_policy(about));
    findings.extend(replaced_by_relay(about));
    findings
}

/// Nodes that have nothing of their own for a Local policy, while others have.
fn no_local_endpoint(about: &About<'_>, reach: Reach) -> Option<Finding> {
    let without = without_local(about, reach);
    if without.is_empty() {
        return None;
    }
    let (field, what) = match reach {
        Reach::Internal => ("internalTrafficPolicy", "what is sent to it"),
        Reach::External => ("externalTrafficPolicy", "what comes from outside"),
    };
    let homeless = about.endpoints.iter().filter(|e| e.node.is_none()).count();
    let homeless = match homeless {
        0 => String::new(),
        number => format!(
            "; {} without a node, which no Local policy uses",
            count(number, "endpoint")
        ),
    };
    let (part, names) = (
        share(without.len(), about.nodes.len(), "node"),
        list(&without),
    );
    let cause = format!(
        "{field} is Local, and {what} is not served on {part} ({names}), for want of a usable endpoint there{homeless}"
    );
    let check = about.service.spec.health_check_node_port;
    let check = check
        .map(|port| format!(", have the load balancer ask port {port}"))
        .unwrap_or_default();
    let remedy = format!("run a backend on each of these nodes{check}, or set {field}: Cluster");
    let (code, symptom) = ("NO_LOCAL_ENDPOINT", Symptom::NoAnswerOnSomeNodes);
    let finding = Finding::new(Severity::Warning, code, symptom, cause, remedy);
    Some(finding.about(finding::nodes(without)))
}

/// Their names. Where no node has a usable endpoint, nothing is local to any: that is another finding.
fn without_local<'a>(about: &About<'a>, reach: Reach) -> Vec<&'a Name> {
    let views: Vec<_> = project_one(about.state, about.service)
        .into_values()
        .collect();
    let frontends = views.iter().filter_map(|view| match view {
        View::Service(service) => Some(&service.frontends),
        _ => None,
    });
    let concerned = frontends.flatten().filter(|frontend| {
        frontend.reach == reach
            && frontend.policy == TrafficPolicy::Local
            && frontend.when_empty == WhenEmpty::Drop
    });
    let mut without = BTreeSet::new();
    for frontend in concerned {
        let local = local_nodes(&views, frontend);
        let names = about.nodes.iter().map(|node| &node.meta.name);
        without.extend(names.filter(|name| !local.contains(name)));
    }
    without.into_iter().collect()
}

/// Nodes with an endpoint that a Local policy uses.
fn local_nodes<'a>(views: &'a [View], frontend: &FrontendView) -> BTreeSet<&'a Name> {
    let family = frontend.at.family();
    let endpoints = views.iter().filter_map(|view| match view {
        View::Endpoint(endpoint) if Family::of(endpoint.address) == family => Some(endpoint),
        _ => None,
    });
    let is_local = |ports: &[EndpointPortView]| {
        let mut ports = ports.iter();
        ports.any(|p| p.local && p.service_port == frontend.service_port)
    };
    endpoints
        .filter(|endpoint| is_local(&endpoint.ports))
        .filter_map(|endpoint| endpoint.node.as_ref())
        .collect()
}

fn replaced_by_policy(about: &About<'_>) -> Option<Finding> {
    let spec = &about.service.spec;
    let policy = spec.external_traffic_policy.unwrap_or_default();
    if !spec.is_external() || policy != TrafficPolicy::Cluster {
        return None;
    }
    Some(Finding::new(
        Severity::Info,
        "CLIENT_ADDRESS_REPLACED",
        Symptom::ClientAddressReplaced,
        "externalTrafficPolicy is Cluster: a node may send traffic from outside on to another, so backends see the node's address instead of the client's",
        "set externalTrafficPolicy: Local, and run a backend wherever traffic arrives",
    ))
}

fn replaced_by_relay(about: &About<'_>) -> Option<Finding> {
    let relaying: Vec<_> = about.nodes.iter().filter(|node| relays(node)).collect();
    let names: Vec<_> = relaying.iter().map(|node| &node.meta.name).collect();
    if names.is_empty() {
        return None;
    }
    let cause = format!(
        "the {RELAY} dataplane, on {} ({}), ends connections and makes new ones: backends see the node's address, whatever the policy",
        share(names.len(), about.nodes.len(), "node"),
        list(&names)
    );
    let finding = Finding::new(
        Severity::Info,
        "CLIENT_ADDRESS_RELAYED",
        Symptom::ClientAddressReplaced,
        cause,
        "run a dataplane of the kernel there, or have clients say who they are in their own protocol",
    );
    Some(finding.about(finding::nodes(names)))
}
