//! What becomes of one connection on one node.

mod target;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::finding::list;
use super::policies::relays;
use super::{About, Finding, nodes};
use crate::view::{
    Candidate, Choice, FrontendAt, FrontendView, Here, List, Reach, View, ViewKind, WhenEmpty,
    cluster_view, project_one,
};
use crate::{Endpoint, Family, Node, NodeReports, Protocol, Service, State};
use target::{Target, find};

/// A connection to be.
#[derive(Copy, Clone, Debug)]
pub struct Flow {
    /// Who asks; `None`: the node itself.
    pub source: Option<IpAddr>,
    /// Whom it asks.
    pub destination: IpAddr,
    /// At which port.
    pub port: u16,
    /// By which transport.
    pub protocol: Protocol,
}

/// What becomes of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to one of the backends.
    Forwarded,
    /// It is refused at once.
    Rejected,
    /// It is met with silence.
    Dropped,
    /// No Service is concerned.
    NotOurs,
}

/// What a backend sees as the client's address.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FlowSource {
    /// The client's own.
    Kept,
    /// One of the node's.
    Replaced,
}

/// Where the connection may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowBackend {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// Where it listens.
    pub port: u16,
}

/// What becomes of a connection, and why.
#[derive(Clone, Debug)]
pub struct FlowExplanation {
    /// What becomes of it.
    pub verdict: Verdict,
    /// A stable word for programs.
    pub code: &'static str,
    /// Why.
    pub cause: String,
    /// What to do; empty: nothing.
    pub remedy: String,
    /// The Service that is concerned, and the name of its port.
    pub service: Option<(Arc<Service>, String)>,
    /// What is chosen from.
    pub list: Option<List>,
    /// Whom it may go to.
    pub backends: Vec<FlowBackend>,
    /// Idle seconds for which a client keeps its backend; 0: none.
    pub affinity_seconds: u32,
    /// What a backend sees; `None`: nothing is forwarded.
    pub source: Option<FlowSource>,
    /// Whether the node carries it yet.
    pub findings: Vec<Finding>,
}

/// Where a connection comes from, seen from a node.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// The node itself.
    Node,
    /// A workload range.
    Inside,
    /// Anywhere else.
    Outside,
    /// Not the node; the cluster has no workload ranges that tell more.
    Unknown,
}

impl Origin {
    fn of(state: &State, node: &Node, source: Option<IpAddr>) -> Self {
        // Only the node itself can have a virtual address for its own: it is local where a relay runs.
        let is_virtual = |s: &IpAddr| state.service_ranges().iter().any(|r| r.net().contains(s));
        let is_own = |s: &IpAddr| s.is_loopback() || node.spec.addresses.contains(s);
        let Some(source) = source.filter(|s| !is_own(s) && !is_virtual(s)) else {
            return Self::Node;
        };
        let ranges = state.cluster().map(|c| c.spec.workload_ranges.as_slice());
        match ranges.unwrap_or_default() {
            [] => Self::Unknown,
            ranges if ranges.iter().any(|r| r.contains(&source)) => Self::Inside,
            _ => Self::Outside,
        }
    }
}

/// Looks at a connection on a node: what the node does once it carries the state.
pub fn flow(state: &State, reports: &NodeReports, node: &Node, flow: Flow) -> FlowExplanation {
    let (service, frontend_at) = match find(state, node, flow) {
        Target::Frontend(service, at) => (service, at),
        Target::Other(explanation) => return *explanation,
    };
    let views = project_one(state, &service);
    let frontend = views.values().find_map(|view| match view {
        View::Service(view) => view
            .frontends
            .iter()
            .find(|f| f.at == frontend_at && f.port == flow.port && f.protocol == flow.protocol),
        _ => None,
    });
    let Some(frontend) = frontend else {
        return target::other_port(&service, node, frontend_at, flow);
    };
    let endpoints = views.iter().filter_map(|(key, view)| match view {
        View::Endpoint(endpoint) if key.kind == ViewKind::Endpoint => Some((key.uid, endpoint)),
        _ => None,
    });
    let cluster = state.cluster().map(|cluster| cluster_view(state, cluster));
    let here = Here {
        node: &node.meta.name,
        zone: &node.spec.zone,
        cluster: cluster.as_ref(),
    };
    let choice = Choice::new(here, frontend, Family::of(flow.destination), endpoints);
    let origin = Origin::of(state, node, flow.source);
    let (mut explanation, chosen) = decide(frontend, &choice, origin, (node, flow));
    let by_uid: BTreeMap<_, _> = state.endpoints_of(&service).map(|e| (e.uid, e)).collect();
    let backends = chosen.iter().filter_map(|candidate| {
        let endpoint = Arc::clone(by_uid.get(&candidate.uid)?);
        let port = candidate.port.port;
        Some(FlowBackend { endpoint, port })
    });
    explanation.backends = backends.collect();
    explanation.service = Some((service.clone(), frontend.service_port.clone()));
    let about = About::new(state, reports, &service, vec![node]);
    explanation.findings = nodes::findings(&about);
    explanation
}

fn decide<'a>(
    frontend: &FrontendView,
    choice: &Choice<'a>,
    origin: Origin,
    (node, flow): (&Node, Flow),
) -> (FlowExplanation, Vec<Candidate<'a>>) {
    let source = flow.source.or_else(|| node.spec.addresses.first().copied());
    let ranges = &frontend.source_ranges;
    let is_listed = |source: IpAddr| ranges.iter().any(|range| range.contains(&source));
    if !ranges.is_empty() && !source.is_some_and(is_listed) {
        let explanation = FlowExplanation::new(
            Verdict::Dropped,
            "SOURCE_NOT_LISTED",
            format!(
                "loadBalancerSourceRanges list {}, and the client lies in none",
                list(ranges)
            ),
            "add the client's range to loadBalancerSourceRanges",
        );
        return (explanation, Vec::new());
    }
    let uses_inside = frontend.has_inside() && matches!(origin, Origin::Node | Origin::Inside);
    let (list, chosen) = if uses_inside {
        choice.cluster()
    } else {
        choice.by_policy()
    };
    if chosen.is_empty() {
        return (empty(frontend, uses_inside, node), chosen);
    }
    let explanation = FlowExplanation {
        list: Some(list),
        source: Some(seen(frontend, origin, &chosen, (node, flow))),
        affinity_seconds: frontend.affinity_seconds,
        ..FlowExplanation::new(Verdict::Forwarded, "FORWARDED", why(list, uses_inside), "")
    };
    (explanation, chosen)
}

fn why(list: List, uses_inside: bool) -> String {
    let why = match list {
        List::Local => "the Local policy leaves the endpoints on this node",
        List::SameNode => "it goes to endpoints on this node, which the Service prefers",
        List::SameZone => "it goes to endpoints in this node's zone, which the Service prefers",
        List::Cluster => "it goes to any endpoint that may be used",
    };
    if uses_inside {
        format!("{why}; the Local policy concerns sources outside only")
    } else {
        why.to_owned()
    }
}

/// Nothing to choose from.
fn empty(frontend: &FrontendView, uses_inside: bool, node: &Node) -> FlowExplanation {
    if uses_inside || frontend.when_empty == WhenEmpty::Reject {
        return FlowExplanation::new(
            Verdict::Rejected,
            "NO_ENDPOINT",
            "no endpoint of the Service is ready for this port",
            "ask to explain the Service: it says why",
        );
    }
    // A relay without root can't be silent: it closes its socket, and the kernel refuses.
    let (verdict, how) = if relays(node) {
        (Verdict::Rejected, "refuses")
    } else {
        (Verdict::Dropped, "drops")
    };
    let field = match frontend.reach {
        Reach::Internal => "internalTrafficPolicy",
        Reach::External => "externalTrafficPolicy",
    };
    FlowExplanation::new(
        verdict,
        "NO_LOCAL_ENDPOINT",
        format!(
            "{field} is Local, and node {} has no usable endpoint of its own: it {how} the flow, although others could serve it",
            node.meta.name
        ),
        format!("run a backend on the node, or set {field}: Cluster"),
    )
}

/// Whether a backend sees the client. The kernel's dataplanes replace its address where an answer would else not come
/// back through the node: for flows that arrived at a node port under a Cluster policy, for those of the node itself,
/// for those from outside to a virtual address (where it is known what is outside), and for a workload that reaches
/// itself.
fn seen(
    frontend: &FrontendView,
    origin: Origin,
    chosen: &[Candidate<'_>],
    (node, flow): (&Node, Flow),
) -> FlowSource {
    let to_itself = chosen
        .iter()
        .all(|c| Some(c.endpoint.address) == flow.source);
    let by_policy = match (frontend.reach, origin) {
        (_, Origin::Node) | (Reach::Internal, Origin::Outside) => true,
        (Reach::Internal, Origin::Inside | Origin::Unknown) => false,
        (Reach::External, _) => !frontend.has_inside(),
    };
    if relays(node) || to_itself || by_policy {
        FlowSource::Replaced
    } else {
        FlowSource::Kept
    }
}

impl FlowExplanation {
    fn new(
        verdict: Verdict,
        code: &'static str,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict,
            code,
            cause: cause.into(),
            remedy: remedy.into(),
            service: None,
            list: None,
            backends: Vec::new(),
            affinity_seconds: 0,
            source: None,
            findings: Vec::new(),
        }
    }
}

/// How people call where a Service listens.
fn place(at: FrontendAt, node: &Node) -> String {
    match at {
        FrontendAt::Address(address) => address.to_string(),
        FrontendAt::NodePort(_) => format!("node {}", node.meta.name),
    }
}
