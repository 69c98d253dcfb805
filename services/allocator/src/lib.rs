//! Deciding what becomes of a request, and making it durable.
//!
//! [`decide`] is pure: the committed state, an operation and some inputs go in, changes or a refusal come out. The
//! committer around it orders: it takes what queued while the previous transaction committed, locks the cluster in
//! the store, catches up, decides every operation against exactly the committed state, and writes one transaction.
//!
//! ```text
//! Allocator::submit --bounded queue--> committer: lock, catch up, decide*, write, commit --> Cache --> reply
//! ```
//! It knows no wire and no SQL. Start with [`Action`] for what can be asked, then [`decide`].

mod allocator;
mod auditor;
mod committer;
mod decide;
mod error;
mod events;
mod metrics;
mod operation;
mod outcome;
mod sweeper;

pub use allocator::Allocator;
pub use auditor::{audit_regularly, settled_orphans};
pub use committer::{Committer, MAX_BATCH};
pub use decide::{
    Action, DRAIN_GRACE, Decision, Discrepancy, DiscrepancyReason, Inputs, Operation,
    QUARANTINE_CAP, QUARANTINE_CAP_FULL, Remedy, audit, decide,
};
pub use error::SubmitError;
pub use events::{EventRecorder, Events};
pub use metrics::Metrics;
pub use operation::{
    ClaimsAction, ClusterAction, Context, Delete, EndpointAction, EndpointParams, Merge,
    NamespaceAction, NewCluster, NewService, NodeAction, Params, Preconditions, Put, ReadinessItem,
    ReadinessReport, ServiceAction, ServiceCidrAction, Update, Write,
};
pub use outcome::{Outcome, Verb};
pub use sweeper::{Acknowledged, sweep};
