//! What a noun says of itself so that it can be read and written as all are.

mod message;
mod place;
pub(crate) mod read;
pub(crate) mod write;

use std::cell::OnceCell;
use std::sync::Arc;

use portolan_allocator::{Action, Params, Put};
use portolan_model::query::Kept;
use portolan_model::{Name, NodeReports, Resource, State, Violations};

use crate::cluster::Cluster;
use crate::mask::Table;
pub(crate) use message::Message;
pub(crate) use place::Place;

/// A noun that clients see. What it is found by says where it lives.
pub(crate) trait Exposed: Kept<Key: Place> {
    /// Its message.
    type Message: Message;

    /// The message, with what is known about it besides.
    fn shown(&self, view: &View<'_>) -> Self::Message;
}

/// A noun that clients create and change.
pub(crate) trait Written: Exposed + Resource {
    /// All of it may be left out, since every field has a default.
    const IS_OPTIONAL: bool = false;

    /// How its message is read and written, and what masks can name.
    fn table() -> &'static Table<Self::Message, Self::Spec>;

    /// A new name.
    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name>;

    /// Creates or changes it.
    fn put(key: Self::Key, put: Put<Self::Spec>) -> Action;
}

/// Where and when a noun is looked at.
pub(crate) struct View<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) state: &'a State,
    reports: OnceCell<Arc<NodeReports>>,
}

impl<'a> View<'a> {
    /// In a state of a cluster.
    pub(crate) fn new(cluster: &'a Cluster, state: &'a State) -> Self {
        Self {
            cluster,
            state,
            reports: OnceCell::new(),
        }
    }

    /// With reports of nodes that are at hand.
    pub(crate) fn with(cluster: &'a Cluster, state: &'a State, reports: Arc<NodeReports>) -> Self {
        Self {
            cluster,
            state,
            reports: reports.into(),
        }
    }

    /// What every node reported last: the same for all that is shown together.
    pub(crate) fn reports(&self) -> &NodeReports {
        self.reports.get_or_init(|| self.cluster.node_reports())
    }
}

/// What a message with labels and annotations asks for, beside a specification.
pub(crate) fn params<M: Message, S>(sent: &M, spec: S) -> Params<S> {
    Params {
        labels: sent.labels().clone(),
        annotations: sent.annotations().clone(),
        spec,
    }
}
