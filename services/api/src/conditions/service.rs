//! Conditions of Services. Read with every Service of a list, so each costs what the Service has, not what the cluster
//! has.

mod endpoints;
#[cfg(test)]
mod tests;

use portolan_model::view::leaves_alone;
use portolan_model::{NodeReports, Service, ServiceType, State};
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
    let generation = service.meta.generation;
    let mut conditions = Vec::with_capacity(5);
    conditions.push(addresses(service).condition(
        "AddressesAllocated",
        generation,
        service.meta.created_at,
    ));
    let resolved = endpoints.resolved(state, service);
    conditions.push(resolved.condition("EndpointsResolved", generation, endpoints.changed_at()));
    let programmed = programmed(service, reports, nodes, done);
    conditions.push(programmed.condition("Programmed", generation, None));
    conditions.extend(
        load_balancer(service).map(|word| {
            word.condition("LoadBalancerAssigned", generation, service.meta.updated_at)
        }),
    );
    conditions.insert(0, summary(&conditions).condition("Ready", generation, None));
    v1::ServiceStatus {
        conditions,
        load_balancer: None,
        endpoints: count(endpoints.total()),
        ready_endpoints: count(endpoints.ready()),
        nodes: count(nodes),
        programmed_nodes: count(done),
    }
}

/// The first thing that is wrong. What is up to somebody else is not.
fn summary(conditions: &[v1::Condition]) -> Word {
    let mut wrong = conditions
        .iter()
        .filter(|c| c.status() != True && c.reason != FOREIGN_CLASS);
    match wrong.next() {
        None => Word(
            True,
            "Ready",
            "addresses are allocated, endpoints are ready, every node is programmed".to_owned(),
        ),
        Some(bad) => Word(
            bad.status(),
            "NotReady",
            format!("{}: {}", bad.r#type, bad.message),
        ),
    }
}

fn addresses(service: &Service) -> Word {
    let not_needed = |message: &str| Word(True, "NotNeeded", message.to_owned());
    match (service.spec.kind, service.spec.cluster_ips.addresses()) {
        (ServiceType::ExternalName, _) => not_needed("an ExternalName has no address"),
        (_, []) => not_needed("a headless Service has no address"),
        (_, [address]) => Word(True, "Allocated", address.to_string()),
        (_, addresses) => {
            let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Word(True, "Allocated", list.join(", "))
        }
    }
}

/// The address of a load balancer is another implementation's affair.
const FOREIGN_CLASS: &str = "ForeignClass";

/// Whether a load balancer has its address; only for those.
fn load_balancer(service: &Service) -> Option<Word> {
    if service.spec.kind != ServiceType::LoadBalancer {
        return None;
    }
    Some(match &service.spec.load_balancer_class {
        None => Word(
            False,
            "NoPool",
            "no load-balancer pool exists yet that an address could come from".to_owned(),
        ),
        Some(class) => Word(
            Unknown,
            FOREIGN_CLASS,
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
        return Word(True, "NotNeeded", message);
    }
    let progress = format!("{done}/{nodes} nodes");
    // What a node lacks is worth more attention than what it may get over.
    let rejections = || reports.rejections(service.meta.uid);
    let is_lasting = |code: &str| code == "UNSUPPORTED_FEATURE";
    let lasting = rejections().find(|(_, rejection)| is_lasting(&rejection.code));
    if let Some((node, rejection)) = lasting.or_else(|| rejections().next()) {
        let reason = if is_lasting(&rejection.code) {
            "UnsupportedByNode"
        } else {
            "RejectedByNode"
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
            "NoNodes",
            "no node is registered; start a plugin".to_owned(),
        ),
        () if done < nodes => Word(False, "Pending", progress),
        () => Word(True, "Programmed", progress),
    }
}
