//! Ranges for virtual addresses: adding them, and taking them out of use.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portolan_model::{
    Change, Family, Labels, Name, Object, Precondition, Reason, Refusal, ServiceCidr, State,
    Timestamp, Violations,
};

use super::draft::Draft;
use super::write;
use crate::{Delete, Outcome, ServiceCidrAction, Verb};

/// The shortest IPv6 prefix: a wider range would need more than 64 bits of offset (KEP-1880 has the same bound).
const SHORTEST_V6: u8 = 64;
/// The shortest IPv4 prefix.
const SHORTEST_V4: u8 = 8;
/// Owners that a refusal names.
const MAX_NAMED: usize = 10;

/// How long a range stays after it was told to drain, even if nothing holds it, as in KEP-1880. Deciding under the
/// lock needs no such wait; tools that look at ranges only now and then do.
pub const DRAIN_GRACE: Duration = Duration::from_secs(10);

pub(super) fn act(draft: &mut Draft, action: &ServiceCidrAction) -> Result<Outcome, Refusal> {
    match action {
        ServiceCidrAction::Create { name, cidrs } => create(draft, name, cidrs),
        ServiceCidrAction::Delete {
            name,
            drain,
            delete,
        } => self::delete(draft, name, *drain, delete),
        ServiceCidrAction::RemoveDrained { names } => Ok(remove_drained(draft, names)),
    }
}

/// Adds a range. Ranges may overlap: an address belongs to every range that contains it.
fn create(draft: &mut Draft, name: &Name, cidrs: &[IpNet]) -> Result<Outcome, Refusal> {
    if draft.state().service_cidr(name).is_some() {
        return Err(Refusal::AlreadyExists {
            resource: format!("serviceCidrs/{name}"),
        });
    }
    check_cidrs("service_cidr.spec.cidrs", cidrs)?;
    let endpoints = draft.state().endpoints_after(None, None);
    let inside = endpoints
        .into_iter()
        .find(|e| cidrs.iter().any(|cidr| cidr.contains(&e.address)));
    if let Some(endpoint) = inside {
        let description = format!(
            "the range contains {}, the address of endpoint {}: traffic would turn in a circle; move the endpoint first",
            endpoint.address,
            endpoint.key()
        );
        return Err(Refusal::precondition(
            Reason::Range,
            "service_cidr.spec.cidrs",
            description,
        ));
    }
    let meta = draft.new_meta(name, Labels::new(), Labels::new());
    let service_cidr = Object::from(ServiceCidr {
        meta,
        cidrs: cidrs.to_vec(),
        draining_since: None,
    });
    draft.apply(Change {
        before: None,
        after: Some(service_cidr.clone()),
    });
    Ok(draft.outcome(Verb::Created, vec![service_cidr]))
}

/// Removes a range that nothing depends on, or lets it drain.
fn delete(
    draft: &mut Draft,
    name: &Name,
    drain: bool,
    delete: &Delete,
) -> Result<Outcome, Refusal> {
    let Some(before) = write::found::<ServiceCidr>(draft, name, delete)? else {
        return Ok(draft.outcome(Verb::Unchanged, Vec::new()));
    };
    if drain {
        return Ok(start_draining(draft, before));
    }
    check_unused(draft, &before)?;
    draft.apply(Change::delete(before.clone()));
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}

fn start_draining(draft: &mut Draft, before: Arc<ServiceCidr>) -> Outcome {
    if !before.is_ready() {
        return draft.outcome(Verb::Unchanged, vec![before.into()]);
    }
    let after = Object::from(ServiceCidr {
        meta: draft.next_meta(&before.meta, false, Labels::new(), Labels::new()),
        cidrs: before.cidrs.clone(),
        draining_since: Some(draft.now()),
    });
    draft.apply(Change {
        before: Some(before.into()),
        after: Some(after.clone()),
    });
    draft.outcome(Verb::Configured, vec![after])
}

/// Refuses with the owners of what would lie in no range.
fn check_unused(draft: &Draft, service_cidr: &ServiceCidr) -> Result<(), Refusal> {
    let held = draft.state().stranded(service_cidr).count();
    if held == 0 {
        return Ok(());
    }
    let summary = Precondition {
        kind: Reason::RangeInUse,
        subject: format!("serviceCidrs/{}", service_cidr.meta.name),
        description: format!(
            "it holds addresses ({held} of them) that would lie in no ready range; delete their Services, add a range around this one, or use drain to have it go when they are gone"
        ),
        holder: None,
    };
    let owners = draft.state().stranded(service_cidr).take(MAX_NAMED);
    let owners = owners.map(|claim| Precondition {
        kind: Reason::RangeInUse,
        subject: claim.owner.resource(),
        description: format!("Service {} holds {}", claim.owner.key(), claim.address),
        holder: Some(claim.owner.resource()),
    });
    Err(Refusal::Precondition {
        reason: Reason::RangeInUse,
        preconditions: [summary].into_iter().chain(owners).collect(),
    })
}

/// Whether a range may go by itself.
pub(crate) fn is_drained(state: &State, service_cidr: &ServiceCidr, now: Timestamp) -> bool {
    let waited = |since| Duration::from_micros(now.micros_since(since)) >= DRAIN_GRACE;
    service_cidr.draining_since.is_some_and(waited) && state.stranded(service_cidr).next().is_none()
}

/// Removes those ranges that are drained by now.
fn remove_drained(draft: &mut Draft, names: &[Name]) -> Outcome {
    for name in names {
        let drained = draft.state().service_cidr(name).cloned();
        let drained = drained.filter(|s| is_drained(draft.state(), s, draft.now()));
        if let Some(drained) = drained {
            draft.apply(Change::delete(drained));
        }
    }
    draft.brief(Verb::Deleted)
}

/// One range, or one of each family. A range without a usable address is simply full.
pub(super) fn check_cidrs(field: &str, cidrs: &[IpNet]) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    if cidrs.is_empty() || cidrs.len() > 2 {
        violations.add(field, "one range, or one of each family, is needed");
    }
    if let [first, second] = cidrs
        && Family::of_net(first) == Family::of_net(second)
    {
        violations.add(
            format!("{field}[1]"),
            "must be of the other family; add a second ServiceCidr instead",
        );
    }
    for (i, cidr) in cidrs.iter().enumerate() {
        let shortest = if cidr.addr().is_ipv4() {
            SHORTEST_V4
        } else {
            SHORTEST_V6
        };
        if cidr.prefix_len() < shortest {
            violations.add(
                format!("{field}[{i}]"),
                format!("must not be wider than /{shortest}"),
            );
        }
    }
    violations.into_result()
}
