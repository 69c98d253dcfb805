//! What a noun says of itself so that it can be read and written as all are.

mod message;
mod place;
pub(crate) mod read;
pub(crate) mod write;

use std::cell::OnceCell;
use std::sync::Arc;

use portolan_allocator::{Action, Params, Put};
use portolan_model::query::Kept;
use portolan_model::{Name, NodeReports, Resource, State, Violations, validate};
use portolan_proto::convert::name;

use crate::cluster::Cluster;
use crate::mask::Table;
pub(crate) use message::{Message, SpecMessage, message};
pub(crate) use place::Place;

/// A noun that clients see. What it is found by says where it lives.
pub(crate) trait Exposed: Kept<Key: Place> {
    /// Its message.
    type Message: Message;

    /// The message, without a status.
    fn message(&self, cluster: &str) -> Self::Message;

    /// The message, with a status if it has one: what is known about it besides.
    fn shown(&self, view: &View<'_>) -> Self::Message {
        self.message(view.cluster.name())
    }
}

/// A noun that clients create and change.
pub(crate) trait Written: Exposed<Message: SpecMessage> + Resource {
    /// All of it may be left out, since every field has a default.
    const IS_OPTIONAL: bool = false;

    /// Messages in it whose fields a mask means one by one; others are replaced as a whole unless a path leads into them.
    const OPEN: &'static [&'static str] = &["spec"];

    /// Reads a specification. `field` is its path in the request.
    fn read(field: &str, sent: &SpecOf<Self>, violations: &mut Violations) -> Self::Spec;

    /// The specification on the wire.
    fn write(spec: &Self::Spec) -> SpecOf<Self>;

    /// More that is wrong with what is taken as a whole. What is updated is checked when it is decided, unless it is refused
    /// anyway: only then is known what goes because it no longer applies.
    fn check(_field: &str, _spec: &Self::Spec, _violations: &mut Violations) {}

    /// A new name.
    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_label(field, text, violations)
    }

    /// Creates or changes it.
    fn put(key: Self::Key, put: Put<Self::Spec>) -> Action;

    /// How masks see it.
    const TABLE: Table<Self::Message, Self::Spec> = Table {
        field: Self::Message::FIELD,
        open: Self::OPEN,
        inwards: |sent, violations| params::<Self>(Self::Message::FIELD, sent, violations),
        outwards: |params| {
            let Params {
                labels,
                annotations,
                spec,
            } = params.clone();
            Self::Message::asking(labels, annotations, Self::write(&spec))
        },
        check: |params, violations| check::<Self>(Self::Message::FIELD, params, violations),
        message: Self::Message::FULL_NAME,
    };
}

/// The message of a noun's specification.
pub(crate) type SpecOf<T> = <<T as Exposed>::Message as SpecMessage>::Spec;

/// What a message asks for that is taken as a whole. `field` is its path in the request.
pub(crate) fn whole<T: Written>(
    field: &str,
    sent: &T::Message,
    violations: &mut Violations,
) -> Params<T::Spec> {
    let params = params::<T>(field, sent, violations);
    check::<T>(field, &params, violations);
    params
}

fn params<T: Written>(
    field: &str,
    sent: &T::Message,
    violations: &mut Violations,
) -> Params<T::Spec> {
    let default = SpecOf::<T>::default();
    let spec = sent.spec().unwrap_or(&default);
    let spec = T::read(&format!("{field}.spec"), spec, violations);
    let (labels, annotations) = (sent.labels(), sent.annotations());
    validate::labels(format_args!("{field}.labels"), labels, violations);
    let path = format_args!("{field}.annotations");
    validate::annotations(path, annotations, violations);
    Params {
        labels: labels.clone(),
        annotations: annotations.clone(),
        spec,
    }
}

fn check<T: Written>(field: &str, params: &Params<T::Spec>, violations: &mut Violations) {
    T::check(&format!("{field}.spec"), &params.spec, violations);
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
