//! Explanations for programs.

use portolan_proto::v1;

use super::severity;
use crate::object;
use crate::output::yaml::{Document, Fields};
use crate::words;

pub(crate) fn service(answer: &v1::ExplainServiceResponse) -> Document {
    let record = |record: &v1::ExpectedRecord| {
        Fields::new()
            .field("name", record.name.as_str())
            .field("type", record.record_type.as_str())
            .field("data", record.data.as_str())
            .end()
    };
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "ServiceExplanation")
        .field("service", object::last(&answer.name))
        .field("namespace", object::namespace(&answer.name))
        .always("revision", answer.revision)
        .field("severity", severity(answer.severity()))
        .always("findings", findings(&answer.findings))
        .always("workloads", answer.workloads)
        .always("endpoints", answer.endpoints)
        .always("readyEndpoints", answer.ready_endpoints)
        .always("nodes", answer.nodes)
        .always("programmedNodes", answer.programmed_nodes)
        .always(
            "records",
            answer.records.iter().map(record).collect::<Vec<_>>(),
        )
        .end()
}

fn findings(findings: &[v1::Finding]) -> Document {
    let finding = |finding: &v1::Finding| {
        Fields::new()
            .field("severity", severity(finding.severity()))
            .field("code", finding.code.as_str())
            .field("symptom", finding.symptom.as_str())
            .field("cause", finding.cause.as_str())
            .field("remedy", finding.remedy.as_str())
            .field("subjects", finding.subjects.clone())
            .end()
    };
    Document::List(findings.iter().map(finding).collect())
}

pub(crate) fn flow(asked: &v1::ExplainFlowRequest, answer: &v1::ExplainFlowResponse) -> Document {
    let backend = |backend: &v1::FlowBackend| {
        Fields::new()
            .field("endpoint", object::last(&backend.endpoint))
            .field("address", backend.address.as_str())
            .always("port", backend.port)
            .always("weight", backend.weight)
            .field("node", backend.node.as_str())
            .field("zone", backend.zone.as_str())
            .field("terminating", backend.terminating)
            .end()
    };
    let word = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_owned();
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "FlowExplanation")
        .field("node", object::last(&asked.name))
        .field("sourceAddress", asked.source_address.as_str())
        .field("destinationAddress", asked.destination_address.as_str())
        .always("destinationPort", asked.destination_port)
        .field("protocol", words::protocol(asked.protocol))
        .always("revision", answer.revision)
        .field(
            "verdict",
            word(answer.verdict().as_str_name(), "FLOW_VERDICT_"),
        )
        .field("code", answer.code.as_str())
        .field("cause", answer.cause.as_str())
        .field("remedy", answer.remedy.as_str())
        .field("service", answer.service.as_str())
        .field("servicePort", answer.service_port.as_str())
        .field("list", word(answer.list().as_str_name(), "FLOW_LIST_"))
        .field(
            "backends",
            answer.backends.iter().map(backend).collect::<Vec<_>>(),
        )
        .field("affinitySeconds", answer.affinity_seconds)
        .field(
            "source",
            word(answer.source().as_str_name(), "FLOW_SOURCE_"),
        )
        .field("findings", findings(&answer.findings))
        .end()
}
