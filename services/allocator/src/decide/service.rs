//! Services: merging what is asked with what is there, and making it whole.

mod batch;
mod claims;
mod families;
mod immutable;
mod node_ports;
mod settle;
mod warnings;
mod wipe;

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{
    ClaimOwner, ClusterIps, EventType, Meta, Object, Refusal, Scoped, Service, ServiceSpec,
    Violations, validate,
};

use super::asked::Asked;
use super::decided::Decided;
use super::draft::Draft;
use super::endpoints;
use crate::{Outcome, ServiceAction, Verb};
use batch::create_all;
use claims::{Picked, allocate, release_unused};
use settle::settle;
use wipe::wipe;

const SPEC: &str = "service.spec";

pub(super) fn act(draft: &mut Draft, action: &ServiceAction) -> Result<Outcome, Refusal> {
    match action {
        ServiceAction::Put { key, put } => {
            let asked = Asked::of(draft, key, put)?;
            write(draft, asked)
        }
        ServiceAction::CreateAll(services) => create_all(draft, services),
        ServiceAction::Delete { key, delete } => {
            super::write::delete::<Service>(draft, key, delete)
        }
    }
}

impl Decided for Service {
    const FIELD: &'static str = "service";

    fn made(key: &Scoped, meta: Meta, spec: ServiceSpec, _: Option<&Self>) -> Self {
        Self {
            meta,
            namespace: key.namespace.clone(),
            spec,
        }
    }

    fn rules(spec: &ServiceSpec, violations: &mut Violations) {
        validate::service(SPEC, spec, violations);
    }

    fn warnings(spec: &ServiceSpec) -> Vec<String> {
        warnings::warnings(spec)
    }

    fn release(draft: &mut Draft, before: &Self) {
        endpoints::remove_of_service(draft, before);
        release_unused(draft, before, &BTreeSet::new());
    }

    fn follow(draft: &mut Draft, _: &Scoped, _: Option<&Self>, after: Option<&Arc<Self>>) {
        if let Some(after) = after {
            endpoints::sync_service(draft, after);
        }
    }
}

/// Makes what is asked for whole, claims what it needs, and writes it: between the steps of other nouns there are those
/// that fill in what is left out.
fn write(draft: &mut Draft, mut asked: Asked<'_, Service>) -> Result<Outcome, Refusal> {
    let before = asked.before.clone();
    let says_timeout = asked.means("spec.session_affinity_config");
    let spec = &mut asked.wanted.spec;
    wipe(
        spec,
        before.as_deref().map(|before| &before.spec),
        says_timeout,
    );
    settle(draft.state(), spec, before.as_deref())?;
    asked.check_rules()?;
    let meta = asked.meta(draft);
    let owner = ClaimOwner {
        uid: meta.uid,
        namespace: asked.key.namespace.clone(),
        name: asked.key.name.clone(),
    };
    let picked = allocate(draft, &mut asked.wanted.spec, before.as_deref(), &owner)?;
    let verb = asked.verb();
    let warnings = Service::warnings(&asked.wanted.spec);
    let shown = match before {
        Some(before) if verb == Verb::Unchanged => before,
        _ => {
            let service = super::write::apply(draft, asked, &meta);
            announce(draft, &service, &picked);
            if draft.is_dry_run() {
                Arc::new(without(&service, &picked))
            } else {
                service
            }
        }
    };
    Ok(Outcome {
        warnings,
        ..draft.outcome(verb, vec![shown.into()])
    })
}

/// What a dry run shows: what would be picked by chance is left out (AIP-163).
fn without(service: &Service, picked: &Picked) -> Service {
    let mut service = service.clone();
    if let ClusterIps::Addresses(addresses) = &mut service.spec.cluster_ips {
        addresses.retain(|address| !picked.addresses.contains(address));
    }
    let is_asked = |number: &u16| !picked.ports.contains(number);
    service.spec.health_check_node_port = service.spec.health_check_node_port.filter(is_asked);
    for port in &mut service.spec.ports {
        port.node_port = port.node_port.filter(is_asked);
    }
    service
}

fn announce(draft: &mut Draft, service: &Arc<Service>, picked: &Picked) {
    let about = Object::from(service.clone());
    for address in &picked.addresses {
        draft.event(
            &about,
            EventType::Normal,
            "ClusterIPAllocated",
            format!("allocated {address}"),
        );
    }
    for port in &picked.ports {
        draft.event(
            &about,
            EventType::Normal,
            "NodePortAllocated",
            format!("allocated node port {port}"),
        );
    }
}
