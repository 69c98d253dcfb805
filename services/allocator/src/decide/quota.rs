//! Limits of namespaces, checked once for whatever an operation did: more of something than before, and more than is
//! allowed. Who is above a limit that was lowered keeps what there is.

use std::collections::BTreeSet;

use portolan_model::{Change, Name, Object, Quota, Reason, Refusal, State, Usage};

/// What is limited, and where it is counted.
const LIMITS: [Limit; 4] = [
    Limit {
        name: "services",
        word: "Services",
        quota: |quota| quota.services,
        usage: |usage| usage.services,
    },
    Limit {
        name: "node_ports",
        word: "node ports",
        quota: |quota| quota.node_ports,
        usage: |usage| usage.node_ports,
    },
    Limit {
        name: "load_balancers",
        word: "Services of type LoadBalancer",
        quota: |quota| quota.load_balancers,
        usage: |usage| usage.load_balancers,
    },
    Limit {
        name: "endpoints",
        word: "endpoints",
        quota: |quota| quota.endpoints,
        usage: |usage| usage.endpoints,
    },
];

struct Limit {
    name: &'static str,
    word: &'static str,
    quota: fn(&Quota) -> Option<u32>,
    usage: fn(&Usage) -> u32,
}

/// Refuses what takes a namespace beyond its limits.
pub(super) fn check(before: &State, after: &State, changes: &[Change]) -> Result<(), Refusal> {
    let namespaces: BTreeSet<_> = changes.iter().filter_map(gains).collect();
    for name in namespaces {
        let Some(namespace) = after.namespace(name) else {
            continue;
        };
        let (old, new) = (before.usage(name), after.usage(name));
        for limit in &LIMITS {
            let Some(allowed) = (limit.quota)(&namespace.spec.quota) else {
                continue;
            };
            let (had, has) = ((limit.usage)(&old), (limit.usage)(&new));
            if has > had && has > allowed {
                return Err(exceeded(name, limit, had, has, allowed));
            }
        }
    }
    Ok(())
}

/// The namespace that may hold more by a change.
fn gains(change: &Change) -> Option<&Name> {
    match change.after.as_ref()? {
        Object::Service(service) => Some(&service.namespace),
        Object::Endpoint(endpoint) => Some(&endpoint.namespace),
        Object::PortClaim(claim) => Some(&claim.owner.namespace),
        _ => None,
    }
}

fn exceeded(namespace: &Name, limit: &Limit, had: u32, has: u32, allowed: u32) -> Refusal {
    let Limit { name, word, .. } = limit;
    Refusal::Exhausted {
        reason: Reason::QuotaExceeded,
        subject: format!("namespaces/{namespace}/spec.quota.{name}"),
        description: format!(
            "namespace {namespace} has {had} of at most {allowed} {word}, and this would make it {has}; delete some, or raise spec.quota.{name} of the namespace"
        ),
        used: had.into(),
        quarantined: 0,
        capacity: allowed.into(),
    }
}
