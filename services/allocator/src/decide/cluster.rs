//! The cluster itself.

mod check;

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_model::{
    Change, Cluster, ClusterSpec, Labels, Name, Namespace, NamespaceSpec, Object, Reason, Refusal,
    ServiceCidr, Uid,
};

use super::draft::Draft;
use super::preconditions::{Present, check_put};
use super::service_cidr::check_cidrs;
use crate::{ClusterField, Outcome, PutMode, Verb};
use check::{check_change, check_families, check_spec};

/// The cluster that always exists.
const DEFAULT: &str = "default";

/// What exists from the first start. Once there, nothing is changed.
pub(super) fn bootstrap(
    draft: &mut Draft,
    name: &Name,
    spec: &ClusterSpec,
    cidrs: &[IpNet],
) -> Result<Outcome, Refusal> {
    if let Some(cluster) = draft.state().cluster() {
        let cluster = Object::from(cluster.clone());
        return Ok(draft.outcome(Verb::Unchanged, vec![cluster]));
    }
    create(draft, name, spec, cidrs)
}

/// A cluster in a log that has none. One of this name may have been there before: it left revisions, and nothing else.
pub(super) fn create(
    draft: &mut Draft,
    name: &Name,
    spec: &ClusterSpec,
    cidrs: &[IpNet],
) -> Result<Outcome, Refusal> {
    if draft.state().cluster().is_some() {
        return Err(Refusal::AlreadyExists {
            resource: format!("clusters/{name}"),
        });
    }
    check_cidrs("service_cidrs", cidrs)?;
    check_spec(spec)?;
    check_families(spec, cidrs)?;
    let meta = draft.new_meta(name, Labels::new(), Labels::new());
    let cluster = Object::from(Cluster {
        meta,
        spec: spec.clone(),
    });
    draft.apply(Change {
        before: None,
        after: Some(cluster.clone()),
    });
    let default = Name::trusted(DEFAULT);
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(Namespace {
        meta,
        spec: NamespaceSpec::default(),
    }));
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(ServiceCidr {
        meta,
        cidrs: cidrs.to_vec(),
        draining_since: None,
    }));
    Ok(draft.outcome(Verb::Created, vec![cluster]))
}

/// Changes settings.
pub(super) fn update(
    draft: &mut Draft,
    before: Arc<Cluster>,
    asked: &ClusterSpec,
    fields: &BTreeSet<ClusterField>,
) -> Result<Outcome, Refusal> {
    let mut spec = before.spec.clone();
    for field in fields {
        match field {
            ClusterField::NodePorts => spec.node_ports = asked.node_ports,
            ClusterField::DnsDomain => spec.dns_domain.clone_from(&asked.dns_domain),
            ClusterField::IpFamilies => spec.families.clone_from(&asked.families),
            ClusterField::EndpointRanges => {
                spec.endpoint_ranges.clone_from(&asked.endpoint_ranges);
            }
            ClusterField::WorkloadRanges => {
                spec.workload_ranges.clone_from(&asked.workload_ranges);
            }
        }
    }
    check_spec(&spec)?;
    check_change(draft.state(), &before.spec, &spec)?;
    if spec == before.spec {
        return Ok(draft.outcome(Verb::Unchanged, vec![before.into()]));
    }
    let meta = draft.next_meta(&before.meta, true, Labels::new(), Labels::new());
    let after = Object::from(Cluster { meta, spec });
    draft.apply(Change {
        before: Some(before.into()),
        after: Some(after.clone()),
    });
    Ok(draft.outcome(Verb::Configured, vec![after]))
}

/// Removes everything, remembered requests and claims included: a cluster that is created under this name later finds
/// a log without objects. The log itself goes on, so that no revision ever means two things.
pub(super) fn delete(
    draft: &mut Draft,
    before: Arc<Cluster>,
    force: bool,
) -> Result<Outcome, Refusal> {
    let resource = format!("clusters/{}", before.meta.name);
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

/// The cluster, if it is as the request expects it.
pub(super) fn existing(
    draft: &Draft,
    etag: Option<&String>,
    expected_uid: Option<Uid>,
) -> Result<Arc<Cluster>, Refusal> {
    let cluster = draft.state().cluster().cloned();
    let cluster = cluster.ok_or_else(|| Refusal::not_found("the cluster"))?;
    let present = Present::new(cluster.meta.uid, cluster.meta.etag(&cluster.spec));
    let mode = PutMode::Update {
        allow_missing: false,
        etag: etag.cloned(),
        expected_uid,
    };
    check_put(
        &format!("clusters/{}", cluster.meta.name),
        Some(&present),
        &mode,
    )?;
    Ok(cluster)
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
