//! Why a Service does not work: what people find out with ten commands, as one answer from the state and from what
//! nodes report. Each [`Finding`] says what one sees, why, and what to do.
//!
//! [`service()`] looks at a Service from everywhere, [`flow()`] at one connection on one node.

mod addresses;
mod finding;
mod flow;
mod names;
mod nodes;
mod policies;
mod ports;
mod readiness;
mod selection;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;

pub use finding::{Finding, Severity, Symptom};
pub use flow::{Flow, FlowBackend, FlowExplanation, FlowSource, Verdict, flow};
pub use names::{ExpectedRecord, RecordType};

use crate::{Endpoint, Node, NodeReports, Service, State, Workload};

/// What is known about a Service.
#[derive(Clone, Debug)]
pub struct ServiceExplanation {
    /// The worst first; never empty.
    pub findings: Vec<Finding>,
    /// Workloads that the selector matches.
    pub workloads: usize,
    /// Endpoints in all.
    pub endpoints: usize,
    /// Endpoints that are ready.
    pub ready_endpoints: usize,
    /// Nodes that were looked at.
    pub nodes: usize,
    /// Those of them that carry the newest generation.
    pub programmed_nodes: usize,
    /// What its names resolve to.
    pub records: Vec<ExpectedRecord>,
}

/// A Service with all that has to do with it.
struct About<'a> {
    state: &'a State,
    reports: &'a NodeReports,
    service: &'a Service,
    /// The workloads that its selector matches.
    workloads: Vec<Arc<Workload>>,
    endpoints: Vec<&'a Endpoint>,
    /// The nodes from which it is looked at.
    nodes: Vec<&'a Node>,
}

/// Looks at a Service from all nodes, or from one.
pub fn service(
    state: &State,
    reports: &NodeReports,
    service: &Service,
    node: Option<&Node>,
) -> ServiceExplanation {
    let nodes = match node {
        Some(node) => vec![node],
        None => state.nodes().map(AsRef::as_ref).collect(),
    };
    let about = About::new(state, reports, service, nodes);
    let records = names::records(&about);
    let parts = [
        selection::findings(&about),
        readiness::findings(&about),
        ports::findings(&about),
        addresses::findings(&about),
        nodes::findings(&about),
        policies::findings(&about),
        names::findings(&about, &records),
    ];
    let mut findings = parts.concat();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    ServiceExplanation {
        findings,
        workloads: about.workloads.len(),
        endpoints: about.endpoints.len(),
        ready_endpoints: about.ready().count(),
        nodes: about.nodes.len(),
        programmed_nodes: nodes::programmed(&about),
        records,
    }
}

impl<'a> About<'a> {
    fn new(
        state: &'a State,
        reports: &'a NodeReports,
        service: &'a Service,
        nodes: Vec<&'a Node>,
    ) -> Self {
        let selector = Some(&service.spec.selector).filter(|_| service.spec.has_selector());
        Self {
            state,
            reports,
            service,
            workloads: selector
                .map(|selector| state.workloads_matching(&service.namespace, selector))
                .unwrap_or_default(),
            endpoints: state.endpoints_of(service).map(AsRef::as_ref).collect(),
            nodes,
        }
    }

    fn ready(&self) -> impl Iterator<Item = &'a Endpoint> {
        self.endpoints
            .iter()
            .copied()
            .filter(|endpoint| endpoint.ready)
    }

    /// Whether nodes have something to carry for it.
    fn has_frontends(&self) -> bool {
        !self.service.spec.cluster_ips.addresses().is_empty()
            && crate::view::leaves_alone(self.service).is_none()
    }

    fn is_headless(&self) -> bool {
        self.service.spec.cluster_ips.is_headless()
    }
}
