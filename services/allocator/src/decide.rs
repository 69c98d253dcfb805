//! The pure heart: from a committed state and an operation to changes, or to a refusal.

mod audit;
mod claims;
mod cluster;
mod draft;
mod endpoints;
mod namespace;
mod node;
mod preconditions;
mod quota;
mod ratchet;
mod readiness;
mod repair;
mod replay;
mod service;
mod service_cidr;
mod workload;

use portolan_model::{Change, Claimed, Event, Record, Refusal, Revision, State, Timestamp};

use crate::{Action, Operation, Outcome};
pub use audit::{Discrepancy, DiscrepancyReason, Remedy, audit};
pub(crate) use claims::Caps;
pub use claims::{QUARANTINE_CAP, QUARANTINE_CAP_FULL};
use draft::Draft;
pub use service_cidr::DRAIN_GRACE;
pub(crate) use service_cidr::is_drained;

/// Rows a transaction may write for one operation.
const MAX_ROWS: usize = 20_000;

/// What deciding depends on beside state and operation; given from outside so that it stays repeatable.
#[derive(Copy, Clone, Debug)]
pub struct Inputs {
    /// The revision that is being made.
    pub revision: Revision,
    /// The store's clock, read under the lock.
    pub now: Timestamp,
    /// Source of uids and of the starting points of picks.
    pub seed: u128,
}

/// An operation that may be done.
pub struct Decision {
    /// The state with the changes applied, still at its old revision.
    pub state: State,
    /// The changes, in the order of their effects. Empty: nothing changes.
    pub changes: Vec<Change>,
    /// The same, as they are to be written.
    pub records: Vec<Record>,
    /// Worth telling people, should the changes be committed.
    pub events: Vec<Event>,
    /// Of what the changes claim: what was picked, rather than asked for.
    pub picked: Vec<Claimed>,
    /// The answer.
    pub outcome: Outcome,
}

/// Decides an operation against a state. Never looks at anything else, and changes nothing.
pub fn decide(state: &State, operation: &Operation, inputs: Inputs) -> Result<Decision, Refusal> {
    if let Some(outcome) = replay::find(state, &operation.context)? {
        return Ok(Decision {
            state: state.clone(),
            changes: Vec::new(),
            records: Vec::new(),
            events: Vec::new(),
            picked: Vec::new(),
            outcome,
        });
    }
    let mut draft = Draft::new(state, inputs, operation.context.validate_only);
    check_cluster(state, &operation.action)?;
    let mut outcome = act(&mut draft, &operation.action)?;
    quota::check(state, draft.state(), draft.changes())?;
    if draft.is_empty() {
        outcome.revision = state.revision();
    } else {
        replay::remember(&mut draft, &operation.context, &outcome);
    }
    let rows = draft.rows();
    if rows > MAX_ROWS {
        return Err(Refusal::TooLarge {
            rows,
            limit: MAX_ROWS,
        });
    }
    Ok(draft.finish(outcome))
}

/// What queued behind the deletion of its cluster must leave nothing behind.
fn check_cluster(state: &State, action: &Action) -> Result<(), Refusal> {
    let makes_one = matches!(
        action,
        Action::Bootstrap { .. } | Action::CreateCluster { .. }
    );
    if makes_one || state.cluster().is_some() {
        return Ok(());
    }
    Err(Refusal::not_found("the cluster"))
}

fn act(draft: &mut Draft, action: &Action) -> Result<Outcome, Refusal> {
    match action {
        Action::Bootstrap { name, spec, cidrs } => cluster::bootstrap(draft, name, spec, cidrs),
        Action::CreateCluster { name, spec, cidrs } => cluster::create(draft, name, spec, cidrs),
        Action::UpdateCluster {
            spec,
            fields,
            etag,
            expected_uid,
        } => {
            let before = cluster::existing(draft, etag.as_ref(), *expected_uid)?;
            cluster::update(draft, before, spec, fields)
        }
        Action::DeleteCluster {
            force,
            etag,
            expected_uid,
        } => {
            let before = cluster::existing(draft, etag.as_ref(), *expected_uid)?;
            cluster::delete(draft, before, *force)
        }
        Action::CreateServiceCidr { name, cidrs } => service_cidr::create(draft, name, cidrs),
        Action::DeleteServiceCidr { name, drain, mode } => {
            service_cidr::delete(draft, name, *drain, mode)
        }
        Action::RemoveDrained { names } => Ok(service_cidr::remove_drained(draft, names)),
        Action::RepairAllocations { orphans } => Ok(repair::repair(draft, orphans)),
        Action::PutNamespace { name, params, mode } => namespace::put(draft, name, params, mode),
        Action::DeleteNamespace { name, force, mode } => {
            namespace::delete(draft, name, *force, mode)
        }
        Action::PutService { key, params, mode } => service::put(draft, key, params, mode),
        Action::CreateServices(services) => service::create_all(draft, services),
        Action::DeleteService { key, mode } => service::delete(draft, key, mode),
        Action::PutWorkload { key, params, mode } => workload::put(draft, key, params, mode),
        Action::DeleteWorkload { key, mode } => workload::delete(draft, key, mode),
        Action::ReplaceEndpoints {
            service,
            source,
            endpoints,
        } => endpoints::replace(draft, service, source, endpoints),
        Action::DeleteEndpoint { key, mode } => endpoints::delete(draft, key, mode),
        Action::PutNode { name, params, mode } => node::put(draft, name, params, mode),
        Action::RegisterNode { name, spec } => node::register(draft, name, spec),
        Action::DeleteNode { name, mode } => node::delete(draft, name, mode),
        Action::Derived(derived) => {
            let action = derived.action(draft.state())?;
            act(draft, &action)
        }
        Action::ReportReadiness(report) => readiness::report(draft, report),
        Action::ReleaseQuarantined { claims } => Ok(claims::free(draft, claims)),
    }
}

#[cfg(test)]
mod tests;
