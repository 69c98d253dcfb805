//! Endpoints that are written by hand.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use portolan_model::limits::{ENDPOINTS, SOURCE, ZONE};
use portolan_model::{
    Change, Endpoint, Grants, Name, Object, Origin, Precondition, Reason, Refusal, Scoped, Service,
    ServiceType, Violations, validate,
};

use super::super::draft::Draft;
use super::super::preconditions::{Present, check_delete};
use super::{blank, write};
use crate::{Delete, EndpointAction, EndpointParams, Outcome, Verb};

pub(in super::super) fn act(
    draft: &mut Draft,
    action: &EndpointAction,
) -> Result<Outcome, Refusal> {
    match action {
        EndpointAction::Replace {
            service,
            source,
            endpoints,
        } => replace(draft, service, source, endpoints),
        EndpointAction::Delete { key, delete } => self::delete(draft, key, delete),
    }
}

/// Replaces what a source gave a Service.
fn replace(
    draft: &mut Draft,
    key: &Scoped,
    source: &str,
    list: &[EndpointParams],
) -> Result<Outcome, Refusal> {
    let service = draft
        .state()
        .service(key)
        .cloned()
        .ok_or_else(|| Refusal::NotFound {
            resource: format!("namespaces/{}/services/{}", key.namespace, key.name),
            remedy: "create the Service first; endpoints belong to one".to_owned(),
        })?;
    check_by_hand(&service, list)?;
    let wanted: Vec<Endpoint> = list
        .iter()
        .map(|params| by_hand(&service, source, params))
        .collect();
    let existing = of_source(draft, &service, source);
    let had: BTreeSet<_> = existing.iter().map(|endpoint| endpoint.address).collect();
    check_list(&service, source, &wanted, &had)?;
    check_protocols(&service, &wanted)?;
    check_addresses(draft, &key.namespace, &wanted, &had)?;
    let names: BTreeSet<_> = wanted.iter().map(|e| e.name.clone()).collect();
    let was_empty = existing.is_empty();
    for endpoint in existing {
        if !names.contains(&endpoint.name) {
            draft.apply(Change::delete(endpoint));
        }
    }
    for endpoint in wanted {
        let before = draft.state().endpoint(&endpoint.key()).cloned();
        write(draft, before, endpoint);
    }
    let verb = match (draft.is_empty(), was_empty) {
        (true, _) => Verb::Unchanged,
        (false, true) => Verb::Created,
        (false, false) => Verb::Configured,
    };
    let now = of_source(draft, &service, source).into_iter();
    let objects = now.map(Object::from).collect();
    Ok(draft.outcome(verb, objects))
}

/// Only a Service that does not keep its own endpoints, and can have any.
fn check_by_hand(service: &Service, list: &[EndpointParams]) -> Result<(), Refusal> {
    let key = service.key();
    let (reason, description) = if service.spec.has_selector() {
        let description = format!(
            "Service {key} has a selector and keeps its own endpoints; remove the selector to write endpoints by hand"
        );
        (Reason::ServiceHasSelector, description)
    } else if service.spec.kind == ServiceType::ExternalName && !list.is_empty() {
        let description = format!(
            "Service {key} is of type ExternalName, an alias in DNS without endpoints; change its type to write endpoints by hand"
        );
        (Reason::ServiceIsExternalName, description)
    } else {
        return Ok(());
    };
    let resource = format!("namespaces/{}/services/{}", key.namespace, key.name);
    Err(Refusal::precondition(reason, resource, description))
}

/// What a source gave a Service so far.
fn of_source(draft: &Draft, service: &Service, source: &str) -> Vec<Arc<Endpoint>> {
    let is_from = |endpoint: &&Arc<Endpoint>| matches!(&endpoint.origin, Origin::Source(from) if from == source);
    let endpoints = draft.state().endpoints_of(service);
    endpoints.filter(is_from).cloned().collect()
}

fn by_hand(service: &Service, source: &str, params: &EndpointParams) -> Endpoint {
    let text = |from: &str| {
        from.to_ascii_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    };
    let name = format!(
        "{}.m.{}.{}",
        service.meta.name,
        text(source),
        text(&params.address.to_string())
    );
    Endpoint {
        origin: Origin::Source(source.to_owned()),
        address: params.address,
        ports: params.ports.clone(),
        node: params.node.clone(),
        zone: params.zone.clone(),
        hostname: params.hostname.clone(),
        ready: service.spec.publish_not_ready_addresses || params.ready,
        serving: params.serving,
        terminating: params.terminating,
        weight: params.weight,
        ..blank(service, Name::trusted(name))
    }
}

fn check_list(
    service: &Service,
    source: &str,
    list: &[Endpoint],
    had: &BTreeSet<IpAddr>,
) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    validate::text("source", source, SOURCE, &mut violations);
    if source.is_empty() {
        violations.add(
            "source",
            format!("is needed, for example Endpoints/{}", service.meta.name),
        );
    }
    ENDPOINTS.check("endpoints", list.len(), &mut violations);
    let mut seen = BTreeSet::new();
    for (i, endpoint) in list.iter().enumerate() {
        let field = format!("endpoints[{i}].spec");
        validate::endpoint_ports(&field, endpoint, &mut violations);
        let address = format!("{field}.address");
        if !had.contains(&endpoint.address) {
            violations.check(&address, validate::usable(endpoint.address));
        }
        if !seen.insert(endpoint.address) {
            violations.add(
                address,
                format!("{} is there twice; unite the ports", endpoint.address),
            );
        }
        if let Some(hostname) = &endpoint.hostname {
            validate::dns_label(&format!("{field}.hostname"), hostname, &mut violations);
        }
        let zone = format!("{field}.zone");
        validate::text(&zone, &endpoint.zone, ZONE, &mut violations);
        if !(1..=1000).contains(&endpoint.weight) {
            violations.add(format!("{field}.weight"), "must be between 1 and 1000");
        }
    }
    violations.into_result()
}

/// A port of the Service has one protocol: an endpoint that serves its name by another one serves nothing.
fn check_protocols(service: &Service, list: &[Endpoint]) -> Result<(), Refusal> {
    let mut preconditions = Vec::new();
    for (i, endpoint) in list.iter().enumerate() {
        for (j, port) in endpoint.ports.iter().enumerate() {
            let mut ports = service.spec.ports.iter();
            let Some(named) = ports.find(|named| named.name == port.service_port) else {
                continue;
            };
            if named.protocol != port.protocol {
                preconditions.push(Precondition {
                    kind: Reason::ProtocolMismatch,
                    subject: format!("endpoints[{i}].spec.ports[{j}].protocol"),
                    description: format!(
                        "port {:?} of Service {} is {}, not {}; send that, or change the Service first",
                        port.service_port,
                        service.key(),
                        named.protocol,
                        port.protocol
                    ),
                    holder: None,
                });
            }
        }
    }
    if preconditions.is_empty() {
        return Ok(());
    }
    Err(Refusal::Precondition {
        reason: Reason::ProtocolMismatch,
        preconditions,
    })
}

/// What is there already may stay, wherever ranges have gone since; nodes are not told of it.
fn check_addresses(
    draft: &Draft,
    namespace: &Name,
    list: &[Endpoint],
    had: &BTreeSet<IpAddr>,
) -> Result<(), Refusal> {
    let grants =
        Grants::of(draft.state(), namespace).ok_or_else(|| Refusal::not_found("the cluster"))?;
    let preconditions: Vec<_> = list
        .iter()
        .enumerate()
        .filter(|(_, endpoint)| !had.contains(&endpoint.address))
        .filter_map(|(i, endpoint)| {
            let description = grants.check_by_hand(endpoint.address).err()?;
            let subject = format!("endpoints[{i}].spec.address");
            Some(Precondition {
                kind: Reason::Range,
                subject,
                description,
                holder: None,
            })
        })
        .collect();
    if preconditions.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Precondition {
            reason: Reason::Range,
            preconditions,
        })
    }
}

/// Deletes one endpoint that the server does not keep.
fn delete(draft: &mut Draft, key: &Scoped, delete: &Delete) -> Result<Outcome, Refusal> {
    let before = draft.state().endpoint(key).cloned();
    // An endpoint has no etag, and nobody can ask for one.
    let present = before.as_deref().map(|before| Present {
        uid: before.uid,
        etag: String::new,
    });
    let resource = format!("namespaces/{}/endpoints/{}", key.namespace, key.name);
    let exists = check_delete(&resource, present, delete)?;
    let Some(before) = before.filter(|_| exists) else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    let service = draft.state().service_by_uid(before.service_uid);
    if service.is_some_and(|service| service.spec.has_selector()) {
        let description = format!(
            "{resource} is kept by the selector of Service {}; change its labels or delete the workload instead",
            before.service
        );
        return Err(Refusal::precondition(
            Reason::ServiceHasSelector,
            resource,
            description,
        ));
    }
    draft.apply(Change::delete(before.clone()));
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}
