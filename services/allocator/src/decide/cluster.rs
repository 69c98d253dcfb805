//! The cluster itself.

mod check;

use std::sync::Arc;

use portolan_model::{
    Change, Cluster, ClusterSpec, Key, Labels, Meta, Name, Namespace, NamespaceSpec, Noun, Object,
    Reason, Refusal, ServiceCidr, Violations,
};

use super::asked::{Asked, present};
use super::decided::Decided;
use super::draft::Draft;
use super::preconditions::check_same;
use super::service_cidr::check_cidrs;
use super::write;
use crate::{ClusterAction, NewCluster, Outcome, Preconditions, Update, Verb};
use check::{check_change, check_families};

/// The cluster that always exists.
const DEFAULT: &str = "default";

pub(super) fn act(draft: &mut Draft, action: &ClusterAction) -> Result<Outcome, Refusal> {
    match action {
        ClusterAction::Bootstrap(new) => bootstrap(draft, new),
        ClusterAction::Create(new) => create(draft, new),
        ClusterAction::Update(update) => self::update(draft, update),
        ClusterAction::Delete {
            force,
            preconditions,
        } => delete(draft, *force, preconditions),
    }
}

/// What exists from the first start. Once there, nothing is changed.
fn bootstrap(draft: &mut Draft, new: &NewCluster) -> Result<Outcome, Refusal> {
    if let Some(cluster) = draft.state().cluster() {
        let cluster = Object::from(cluster.clone());
        return Ok(draft.outcome(Verb::Unchanged, vec![cluster]));
    }
    create(draft, new)
}

/// A cluster in a log that has none. One of this name may have been there before: it left revisions, and nothing else.
fn create(draft: &mut Draft, new: &NewCluster) -> Result<Outcome, Refusal> {
    let NewCluster { name, spec, cidrs } = new;
    if draft.state().cluster().is_some() {
        return Err(Refusal::AlreadyExists {
            resource: format!("clusters/{name}"),
        });
    }
    check_cidrs("service_cidrs", cidrs)?;
    let mut violations = Violations::new();
    Cluster::rules(spec, &mut violations);
    violations.into_result()?;
    check_families(spec, cidrs)?;
    let meta = draft.new_meta(name, Labels::new(), Labels::new());
    let cluster = Object::from(Cluster {
        meta,
        spec: spec.clone(),
    });
    draft.apply(Change::create(cluster.clone()));
    let default = Name::trusted(DEFAULT);
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(Namespace {
        meta,
        spec: NamespaceSpec::default(),
    }));
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(ServiceCidr {
        meta,
        cidrs: cidrs.clone(),
        draining_since: None,
    }));
    Ok(draft.outcome(Verb::Created, vec![cluster]))
}

fn update(draft: &mut Draft, update: &Update<ClusterSpec>) -> Result<Outcome, Refusal> {
    let name = existing(draft)?.meta.name.clone();
    let asked = Asked::<Cluster>::updated(draft, &name, update, false)?;
    write::write(draft, asked)
}

impl Decided for Cluster {
    const FIELD: &'static str = "cluster";

    fn made(_: &Name, meta: Meta, spec: ClusterSpec, _: Option<&Self>) -> Self {
        Self { meta, spec }
    }

    fn rules(spec: &ClusterSpec, violations: &mut Violations) {
        check::rules(spec, violations);
    }

    fn check(
        draft: &Draft,
        _: &Name,
        wanted: &ClusterSpec,
        before: Option<&Self>,
    ) -> Result<(), Refusal> {
        before.map_or(Ok(()), |before| {
            check_change(draft.state(), &before.spec, wanted)
        })
    }
}

/// Removes everything, remembered requests and claims included: a cluster that is created under this name later finds
/// a log without objects. The log itself goes on, so that no revision ever means two things.
fn delete(
    draft: &mut Draft,
    force: bool,
    preconditions: &Preconditions,
) -> Result<Outcome, Refusal> {
    let before = existing(draft)?;
    let resource = before.meta.name.resource(Cluster::KIND.collection());
    check_same(&resource, &present(&*before), preconditions)?;
    if before.meta.name.as_str() == DEFAULT {
        let description = "the cluster default always exists; delete what is in it instead";
        return Err(Refusal::precondition(Reason::Policy, resource, description));
    }
    if let Some(child) = first_child(draft).filter(|_| !force) {
        let description = format!(
            "{resource} is not empty: it holds {child}; delete its Services, workloads and nodes first, or use force"
        );
        return Err(Refusal::precondition(
            Reason::ClusterNotEmpty,
            resource,
            description,
        ));
    }
    let mut objects: Vec<_> = draft.state().objects().collect();
    // The cluster comes first in this order, and goes last.
    objects.reverse();
    for object in objects {
        draft.apply(Change {
            before: Some(object),
            after: None,
        });
    }
    Ok(draft.outcome(Verb::Deleted, vec![before.into()]))
}

fn existing(draft: &Draft) -> Result<Arc<Cluster>, Refusal> {
    let cluster = draft.state().cluster().cloned();
    cluster.ok_or_else(|| Refusal::not_found("the cluster"))
}

fn first_child(draft: &Draft) -> Option<String> {
    let state = draft.state();
    let service = state.services_after(None, None).next().cloned();
    let workload = || state.workloads_after(None, None).next().cloned();
    let node = || state.nodes().next().cloned();
    let child = service
        .map(Object::from)
        .or_else(|| workload().map(Object::from))
        .or_else(|| node().map(Object::from));
    child.map(|child| child.resource())
}
