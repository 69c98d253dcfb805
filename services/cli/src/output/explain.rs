//! Explanations: first the verdict, then what is wrong with it from the worst on, then what is known.

mod document;
mod flow;
mod prose;

use portolan_proto::v1;
use v1::FindingSeverity as Severity;

pub(crate) use document::{flow as flow_document, service as service_document};
pub(crate) use flow::flow;
use prose::Prose;

use super::table::Table;
use crate::object;

/// What is wrong with a Service, or that nothing is.
pub(crate) fn service(answer: &v1::ExplainServiceResponse, from: Option<&str>) -> String {
    let mut prose = Prose::default();
    prose.paragraph(&verdict(answer, from));
    let (fine, wrong): (Vec<_>, Vec<_>) = answer
        .findings
        .iter()
        .partition(|finding| finding.severity() <= Severity::Ok);
    for finding in wrong {
        prose.blank();
        one_finding(&mut prose, finding);
    }
    if !fine.is_empty() {
        prose.blank();
        prose.heading("In order:");
        for finding in fine {
            prose.item("-", &finding.cause);
        }
    }
    prose.blank();
    known(&mut prose, answer);
    prose.end()
}

/// One sentence: whether it works, and what one sees if not.
fn verdict(answer: &v1::ExplainServiceResponse, from: Option<&str>) -> String {
    let worst = answer.findings.first();
    let symptom = worst.map_or("", |finding| finding.symptom.as_str());
    let place = from.map_or_else(String::new, |node| format!(", seen from node {node}"));
    let (says, why) = match answer.severity() {
        Severity::Error => ("does not work", symptom),
        Severity::Warning => ("works only in part", symptom),
        Severity::Info => ("works as asked, which may surprise", symptom),
        Severity::Ok | Severity::Unspecified => ("works", ""),
    };
    let why = match why {
        "" => String::new(),
        why => format!(": {why}"),
    };
    format!(
        "{} in namespace {}{place} {says}{why}",
        object::short(&answer.name),
        object::namespace(&answer.name)
    )
}

/// A finding with its cause and remedy, each wrapped below its label.
fn one_finding(prose: &mut Prose, finding: &v1::Finding) {
    let severity = severity(finding.severity()).to_uppercase();
    let title = match finding.symptom.as_str() {
        "" => format!("{severity}: {}", finding.code),
        symptom => format!("{severity}: {symptom} ({})", finding.code),
    };
    prose.heading(&title);
    prose.item("cause", &finding.cause);
    prose.item("remedy", &finding.remedy);
    let subjects: Vec<_> = finding
        .subjects
        .iter()
        .map(|path| object::short(path))
        .collect();
    prose.item("about", &subjects.join(", "));
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Info",
        Severity::Ok | Severity::Unspecified => "Ok",
    }
}

fn known(prose: &mut Prose, answer: &v1::ExplainServiceResponse) {
    prose.heading(&format!("Known at revision {}:", answer.revision));
    prose.item(
        "workloads",
        &format!("{} matched by the selector", answer.workloads),
    );
    prose.item(
        "endpoints",
        &format!("{} of {} ready", answer.ready_endpoints, answer.endpoints),
    );
    prose.item(
        "nodes",
        &format!("{} of {} programmed", answer.programmed_nodes, answer.nodes),
    );
    if answer.records.is_empty() {
        return;
    }
    let mut table = Table::new(vec!["NAME", "TYPE", "DATA"]);
    for record in &answer.records {
        table.push(vec![
            record.name.clone(),
            record.record_type.clone(),
            record.data.clone(),
        ]);
    }
    prose.blank();
    prose.heading("Names:");
    prose.table(&table);
}

#[cfg(test)]
mod tests;
