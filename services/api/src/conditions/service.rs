//! Conditions of Services. Read with every Service of a list, so each costs what the Service has, not what the cluster
//! has.

mod endpoints;
#[cfg(test)]
mod tests;

use portolan_model::view::leaves_alone;
use portolan_model::{ConditionReason as Why, NodeReports, Service, ServiceType, State, Timestamp};
use portolan_proto::v1;
use portolan_proto::v1::ConditionStatus::{False, True, Unknown};

use super::{Word, count};
use endpoints::Endpoints;

/// What is known about a Service.
pub(crate) fn service_status(
    state: &State,
    service: &Service,
    reports: &NodeReports,
) -> v1::ServiceStatus {
    let endpoints = Endpoints::of(state, service);
    let (nodes, done) = progress(state, service, reports);
    let (created, updated) = (service.meta.created_at, service.meta.updated_at);
    let resolved = endpoints.resolved(state, service);
    let changed = endpoints.changed_at();
    let mut parts = vec![
        ("AddressesAllocated", addresses(service), Some(created)),
        ("EndpointsResolved", resolved, changed),
        (
            "Programmed",
            programmed(service, reports, nodes, done),
            None,
        ),
    ];
    parts.extend(load_balancer(service).map(|word| ("LoadBalancerAssigned", word, Some(updated))));
    parts.insert(0, ("Ready", summary(&parts), None));
    let generation = service.meta.generation;
    let conditions = parts.into_iter();
    v1::ServiceStatus {
        conditions: conditions
            .map(|(kind, word, since)| word.condition(kind, generation, since))
            .collect(),
        load_balancer: None,
        endpoints: count(endpoints.total()),
        ready_endpoints: count(endpoints.ready()),
        nodes: count(nodes),
        programmed_nodes: count(done),
    }
}

/// The type of a condition, what it says, and since when as far as that is known.
type Part = (&'static str, Word, Option<Timestamp>);

/// The first thing that is wrong. What is up to somebody else is not.
fn summary(parts: &[Part]) -> Word {
    let is_wrong = |Word(status, why, _): &Word| *status != True && *why != Why::ForeignClass;
    match parts.iter().find(|(_, word, _)| is_wrong(word)) {
        None => Word(
            True,
            Why::Ready,
            "addresses are allocated, endpoints are ready, every node is programmed".to_owned(),
        ),
        Some((kind, Word(status, _, message), _)) => {
            Word(*status, Why::NotReady, format!("{kind}: {message}"))
        }
    }
}

fn addresses(service: &Service) -> Word {
    let not_needed = |message: &str| Word(True, Why::NotNeeded, message.to_owned());
    match (service.spec.kind, service.spec.cluster_ips.addresses()) {
        (ServiceType::ExternalName, _) => not_needed("an ExternalName has no address"),
        (_, []) => not_needed("a headless Service has no address"),
        (_, [address]) => Word(True, Why::Allocated, address.to_string()),
        (_, addresses) => {
            let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Word(True, Why::Allocated, list.join(", "))
        }
    }
}

/// Whether a load balancer has its address; only for those.
fn load_balancer(service: &Service) -> Option<Word> {
    if service.spec.kind != ServiceType::LoadBalancer {
        return None;
    }
    Some(match &service.spec.load_balancer_class {
        None => Word(
            False,
            Why::NoPool,
            "no load-balancer pool exists yet that an address could come from".to_owned(),
        ),
        Some(class) => Word(
            Unknown,
            Why::ForeignClass,
            format!("class {class} is another implementation's, which gives the address"),
        ),
    })
}

/// Registered nodes, and how many of them carry the Service as it was last written.
fn progress(state: &State, service: &Service, reports: &NodeReports) -> (usize, usize) {
    let nodes = state.node_count();
    // A node that was just deleted may still have its report.
    let done = reports.carrying(service.meta.uid, service.meta.revision);
    (nodes, done.min(nodes))
}

fn programmed(service: &Service, reports: &NodeReports, nodes: usize, done: usize) -> Word {
    if let Some(label) = leaves_alone(service) {
        let message = format!("the label {label} says that it is not for Portolan's nodes");
        return Word(True, Why::NotNeeded, message);
    }
    let progress = format!("{done}/{nodes} nodes");
    // What a node lacks is worth more attention than what it may get over.
    let rejections = || reports.rejections(service.meta.uid);
    let lasting = rejections().find(|(_, rejection)| rejection.code.is_lasting());
    if let Some((node, rejection)) = lasting.or_else(|| rejections().next()) {
        let reason = if rejection.code.is_lasting() {
            Why::UnsupportedByNode
        } else {
            Why::RejectedByNode
        };
        let (code, message) = (&rejection.code, &rejection.message);
        return Word(
            False,
            reason,
            format!("{progress}; node {node}: {code}: {message}"),
        );
    }
    match () {
        () if nodes == 0 => Word(
            Unknown,
            Why::NoNodes,
            "no node is registered; start a plugin".to_owned(),
        ),
        () if done < nodes => Word(False, Why::Pending, progress),
        () => Word(True, Why::Programmed, progress),
    }
}
