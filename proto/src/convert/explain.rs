//! Explanations.

use portolan_model::explain::{
    ExpectedRecord, Finding, Flow, FlowBackend, FlowExplanation, FlowSource, ServiceExplanation,
    Severity, Verdict,
};
use portolan_model::view::List;
use portolan_model::{Object, Revision, Service, Violations, parse_address};

use super::fields::{port, protocol};
use crate::v1;

/// A connection that is asked about.
pub fn flow(request: &v1::ExplainFlowRequest, violations: &mut Violations) -> Option<Flow> {
    let source = match request.source_address.as_str() {
        "" => Some(None),
        text => violations
            .check("source_address", parse_address(text))
            .map(Some),
    };
    let destination = parse_address(&request.destination_address);
    let destination = violations.check("destination_address", destination);
    let port = port("destination_port", request.destination_port, violations);
    let protocol = protocol("protocol", request.protocol, violations);
    Some(Flow {
        source: source?,
        destination: destination?,
        port,
        protocol,
    })
}

/// What is known about a Service.
pub fn service_to_wire(
    cluster: &str,
    revision: Revision,
    service: &Service,
    explanation: ServiceExplanation,
) -> v1::ExplainServiceResponse {
    let worst = explanation.findings.first().map(|finding| finding.severity);
    v1::ExplainServiceResponse {
        name: service_name(cluster, service),
        revision: revision.0,
        severity: severity(worst.unwrap_or(Severity::Ok)).into(),
        findings: findings(cluster, explanation.findings),
        workloads: count(explanation.workloads),
        endpoints: count(explanation.endpoints),
        ready_endpoints: count(explanation.ready_endpoints),
        nodes: count(explanation.nodes),
        programmed_nodes: count(explanation.programmed_nodes),
        records: explanation.records.into_iter().map(record).collect(),
    }
}

/// What becomes of a connection.
pub fn flow_to_wire(
    cluster: &str,
    revision: Revision,
    explanation: FlowExplanation,
) -> v1::ExplainFlowResponse {
    let (service, service_port) = explanation.service.unzip();
    let service = service.as_deref();
    let backends = explanation.backends.iter();
    v1::ExplainFlowResponse {
        revision: revision.0,
        verdict: verdict(explanation.verdict).into(),
        code: explanation.code.to_owned(),
        cause: explanation.cause,
        remedy: explanation.remedy,
        service: service
            .map(|s| service_name(cluster, s))
            .unwrap_or_default(),
        service_port: service_port.unwrap_or_default(),
        list: explanation
            .list
            .map_or(v1::FlowList::Unspecified, list)
            .into(),
        backends: backends.map(|b| flow_backend(cluster, b)).collect(),
        affinity_seconds: i32::try_from(explanation.affinity_seconds).unwrap_or(i32::MAX),
        source: explanation
            .source
            .map_or(v1::FlowSource::Unspecified, source)
            .into(),
        findings: findings(cluster, explanation.findings),
    }
}

fn service_name(cluster: &str, service: &Service) -> String {
    let (namespace, name) = (&service.namespace, &service.meta.name);
    format!("clusters/{cluster}/namespaces/{namespace}/services/{name}")
}

fn flow_backend(cluster: &str, backend: &FlowBackend) -> v1::FlowBackend {
    let endpoint = &backend.endpoint;
    let below = Object::from(endpoint.clone()).resource();
    let node = endpoint.node.as_ref();
    v1::FlowBackend {
        endpoint: format!("clusters/{cluster}/{below}"),
        address: endpoint.address.to_string(),
        port: backend.port.into(),
        weight: i32::try_from(endpoint.weight.max(1)).unwrap_or(i32::MAX),
        node: node.map(ToString::to_string).unwrap_or_default(),
        zone: endpoint.zone.clone(),
        terminating: endpoint.terminating,
    }
}

fn findings(cluster: &str, findings: Vec<Finding>) -> Vec<v1::Finding> {
    let finding = |finding: Finding| v1::Finding {
        severity: severity(finding.severity).into(),
        code: finding.code.to_owned(),
        symptom: finding.symptom.map(|s| s.to_string()).unwrap_or_default(),
        cause: finding.cause,
        remedy: finding.remedy,
        subjects: finding
            .subjects
            .into_iter()
            .map(|below| format!("clusters/{cluster}/{below}"))
            .collect(),
    };
    findings.into_iter().map(finding).collect()
}

fn record(record: ExpectedRecord) -> v1::ExpectedRecord {
    v1::ExpectedRecord {
        name: record.name,
        record_type: record.record_type.to_string(),
        data: record.data,
    }
}

fn severity(severity: Severity) -> v1::FindingSeverity {
    match severity {
        Severity::Ok => v1::FindingSeverity::Ok,
        Severity::Info => v1::FindingSeverity::Info,
        Severity::Warning => v1::FindingSeverity::Warning,
        Severity::Error => v1::FindingSeverity::Error,
    }
}

fn verdict(verdict: Verdict) -> v1::FlowVerdict {
    match verdict {
        Verdict::Forwarded => v1::FlowVerdict::Forwarded,
        Verdict::Rejected => v1::FlowVerdict::Rejected,
        Verdict::Dropped => v1::FlowVerdict::Dropped,
        Verdict::NotOurs => v1::FlowVerdict::NotOurs,
    }
}

fn list(list: List) -> v1::FlowList {
    match list {
        List::Local => v1::FlowList::Local,
        List::SameNode => v1::FlowList::SameNode,
        List::SameZone => v1::FlowList::SameZone,
        List::Cluster => v1::FlowList::Cluster,
    }
}

fn source(source: FlowSource) -> v1::FlowSource {
    match source {
        FlowSource::Kept => v1::FlowSource::Kept,
        FlowSource::Replaced => v1::FlowSource::Replaced,
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
