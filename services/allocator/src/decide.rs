//! The pure heart: from a committed state and an operation to changes, or to a refusal.

mod asked;
mod audit;
mod claims;
mod cluster;
mod decided;
mod draft;
mod endpoints;
mod namespace;
mod node;
mod preconditions;
mod quota;
mod readiness;
mod repair;
mod replay;
mod service;
mod service_cidr;
mod workload;
mod write;

use portolan_model::limits::ROWS;
use portolan_model::{
    Change, Claimed, Event, Record, Refusal, Revision, Scoped, State, Timestamp, Workload,
    WorkloadSpec,
};

use crate::Outcome;
use crate::operation::{
    ClaimsAction, ClusterAction, Context, EndpointAction, NamespaceAction, NodeAction,
    ServiceAction, ServiceCidrAction, Write,
};
pub use audit::{Discrepancy, DiscrepancyReason, Remedy, audit};
pub(crate) use claims::Caps;
pub use claims::{QUARANTINE_CAP, QUARANTINE_CAP_FULL};
use draft::Draft;
pub use service_cidr::DRAIN_GRACE;
pub(crate) use service_cidr::is_drained;

/// A request, its shape already checked.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is asked.
    pub action: Action,
    /// By whom and how.
    pub context: Context,
}

/// Makes [`Action`] of a table: what each noun can be asked, and what decides it.
macro_rules! actions {
    ($($(#[$doc:meta])* $noun:ident($asked:ty) => $act:path;)*) => {
        /// What is asked, by the noun that it is asked of.
        #[derive(Clone, Debug)]
        pub enum Action {
            $($(#[$doc])* $noun($asked),)*
        }

        fn act(draft: &mut Draft, action: &Action) -> Result<Outcome, Refusal> {
            match action {
                $(Action::$noun(asked) => $act(draft, asked),)*
            }
        }
    };
}

actions! {
    /// The cluster itself.
    Cluster(ClusterAction) => cluster::act;
    /// Ranges for virtual addresses.
    ServiceCidr(ServiceCidrAction) => service_cidr::act;
    /// Namespaces.
    Namespace(NamespaceAction) => namespace::act;
    /// Services.
    Service(ServiceAction) => service::act;
    /// Workloads.
    Workload(Write<Scoped, WorkloadSpec>) => write::act::<Workload>;
    /// Endpoints that are written by hand.
    Endpoint(EndpointAction) => endpoints::act;
    /// Nodes, and what they find out.
    Node(NodeAction) => node::act;
    /// Claims of addresses and ports.
    Claims(ClaimsAction) => repair::act;
}

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
    if rows > ROWS.value {
        return Err(Refusal::TooLarge {
            rows,
            limit: ROWS.value,
        });
    }
    Ok(draft.finish(outcome))
}

/// What queued behind the deletion of its cluster must leave nothing behind.
fn check_cluster(state: &State, action: &Action) -> Result<(), Refusal> {
    let makes_one = matches!(
        action,
        Action::Cluster(ClusterAction::Bootstrap(_) | ClusterAction::Create(_))
    );
    if makes_one || state.cluster().is_some() {
        return Ok(());
    }
    Err(Refusal::not_found("the cluster"))
}

#[cfg(test)]
mod tests;
