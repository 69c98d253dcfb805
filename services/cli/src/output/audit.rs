//! What an audit of allocations found.

use portolan_proto::v1;

use super::table::{Table, or_none};
use super::yaml::{Document, Fields};
use crate::object;

/// A table, and a line that sums it up.
pub(crate) fn text(answer: &v1::AuditAllocationsResponse, repair: bool, dry_run: bool) -> String {
    if answer.total == 0 {
        return format!(
            "Every address and node port fits its Service, as of revision {}.\n",
            answer.revision
        );
    }
    let mut table = Table::new(vec!["CLAIMED", "SERVICE", "REASON", "REPAIR", "MESSAGE"]);
    for finding in &answer.findings {
        let repair = match (finding.repaired, finding.repairable) {
            (true, _) if dry_run => "would be done",
            (true, _) => "done",
            (false, true) => "possible",
            (false, false) => "by hand",
        };
        table.push(vec![
            or_none(finding.claimed.as_str()),
            or_none(object::short(&finding.service)),
            finding.reason.clone(),
            repair.to_owned(),
            finding.message.clone(),
        ]);
    }
    let shown = answer.findings.len();
    let repairable = answer.findings.iter().any(|f| f.repairable && !f.repaired);
    let hint = if repairable && !repair {
        "; `portolan audit --repair` puts right what it can"
    } else {
        ""
    };
    format!(
        "{}{} found, {shown} shown, as of revision {}{hint}.\n",
        table.render(&mut Vec::new(), true),
        answer.total,
        answer.revision
    )
}

pub(crate) fn document(answer: &v1::AuditAllocationsResponse) -> Document {
    let finding = |finding: &v1::AllocationFinding| {
        Fields::new()
            .field("reason", finding.reason.as_str())
            .field("service", finding.service.as_str())
            .field("claimed", finding.claimed.as_str())
            .field("message", finding.message.as_str())
            .always("repairable", finding.repairable)
            .always("repaired", finding.repaired)
            .end()
    };
    Fields::new()
        .field("apiVersion", "portolan/v1")
        .field("kind", "AllocationAudit")
        .always("revision", answer.revision)
        .always("total", i64::from(answer.total))
        .always(
            "findings",
            answer.findings.iter().map(finding).collect::<Vec<_>>(),
        )
        .end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> v1::AuditAllocationsResponse {
        let finding = |claimed: &str, repairable, repaired| v1::AllocationFinding {
            reason: "ClusterIPNotAllocated".to_owned(),
            service: "clusters/default/namespaces/default/services/web".to_owned(),
            claimed: claimed.to_owned(),
            message: "nobody claimed it".to_owned(),
            repairable,
            repaired,
        };
        v1::AuditAllocationsResponse {
            findings: vec![
                finding("10.96.0.1", true, false),
                finding("10.96.0.2", true, true),
                finding("30080", false, false),
            ],
            total: 3,
            revision: 9,
        }
    }

    #[test]
    fn what_does_not_fit_is_listed_with_what_can_be_done() {
        assert_eq!(
            text(&answer(), false, false),
            "\
CLAIMED     SERVICE       REASON                  REPAIR     MESSAGE
10.96.0.1   service/web   ClusterIPNotAllocated   possible   nobody claimed it
10.96.0.2   service/web   ClusterIPNotAllocated   done       nobody claimed it
30080       service/web   ClusterIPNotAllocated   by hand    nobody claimed it
3 found, 3 shown, as of revision 9; `portolan audit --repair` puts right what it can.
"
        );
        let shown = text(&answer(), true, true);
        assert!(shown.contains("would be done"), "{shown}");
        assert!(!shown.contains("--repair"), "{shown}");
    }
}
