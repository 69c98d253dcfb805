//! Where a flow goes.

use portolan_proto::v1;
use v1::{FlowList, FlowSource, FlowVerdict};

use super::one_finding;
use super::prose::Prose;
use crate::object;
use crate::output::table::{Table, or_none};
use crate::words;

/// What becomes of a flow, why, and who may get it.
pub(crate) fn flow(asked: &v1::ExplainFlowRequest, answer: &v1::ExplainFlowResponse) -> String {
    let mut prose = Prose::default();
    prose.paragraph(&headline(asked, answer));
    prose.blank();
    prose.item("cause", &answer.cause);
    prose.item("remedy", &answer.remedy);
    prose.item("code", &answer.code);
    if !answer.service.is_empty() {
        let port = match answer.service_port.as_str() {
            "" => String::new(),
            port => format!(", port {port}"),
        };
        let namespace = object::namespace(&answer.service);
        let service = object::short(&answer.service);
        prose.item(
            "service",
            &format!("{service} in namespace {namespace}{port}"),
        );
    }
    prose.item("choice", list(answer.list()));
    prose.item("client", source(answer.source()));
    if answer.affinity_seconds > 0 {
        let text = format!(
            "a client keeps its backend for {} idle seconds",
            answer.affinity_seconds
        );
        prose.item("affinity", &text);
    }
    backends(&mut prose, answer);
    for finding in &answer.findings {
        prose.blank();
        one_finding(&mut prose, finding);
    }
    prose.end()
}

fn headline(asked: &v1::ExplainFlowRequest, answer: &v1::ExplainFlowResponse) -> String {
    let node = object::last(&asked.name);
    let from = match asked.source_address.as_str() {
        "" => "the node itself",
        source => source,
    };
    let host = if asked.destination_address.contains(':') {
        format!("[{}]", asked.destination_address)
    } else {
        asked.destination_address.clone()
    };
    format!(
        "On node {node}, from {from} to {host}:{}/{}: {} (revision {})",
        asked.destination_port,
        words::protocol(asked.protocol),
        verdict(answer.verdict()),
        answer.revision
    )
}

fn verdict(verdict: FlowVerdict) -> &'static str {
    match verdict {
        FlowVerdict::Forwarded => "forwarded",
        FlowVerdict::Rejected => "refused at once",
        FlowVerdict::Dropped => "dropped, the client hears nothing",
        FlowVerdict::NotOurs => "no Service is concerned, routes decide",
        FlowVerdict::Unspecified => "unknown",
    }
}

fn list(list: FlowList) -> &'static str {
    match list {
        FlowList::Local => "endpoints on this node",
        FlowList::SameNode => "endpoints hinted for this node",
        FlowList::SameZone => "endpoints hinted for this node's zone",
        FlowList::Cluster => "all endpoints",
        FlowList::Unspecified => "",
    }
}

fn source(source: FlowSource) -> &'static str {
    match source {
        FlowSource::Kept => "backends see the client's own address",
        FlowSource::Replaced => "backends see an address of the node instead of the client's",
        FlowSource::Unspecified => "",
    }
}

fn backends(prose: &mut Prose, answer: &v1::ExplainFlowResponse) {
    if answer.backends.is_empty() {
        return;
    }
    let mut table = Table::new(vec!["BACKEND", "PORT", "WEIGHT", "NODE", "ZONE", "STATE"]);
    for backend in &answer.backends {
        let state = if backend.terminating {
            "terminating"
        } else {
            "ready"
        };
        table.push(vec![
            backend.address.clone(),
            backend.port.to_string(),
            backend.weight.to_string(),
            or_none(backend.node.as_str()),
            or_none(backend.zone.as_str()),
            state.to_owned(),
        ]);
    }
    prose.blank();
    prose.table(&table);
}
