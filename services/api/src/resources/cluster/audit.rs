//! `AuditAllocations`.

use portolan_allocator::{
    Action, ClaimsAction, Discrepancy, Operation, Remedy, audit as look, settled_orphans,
};
use portolan_model::Claimed;
use portolan_model::limits::DISCREPANCIES;
use portolan_proto::convert::name;
use portolan_proto::v1;
use tonic::{Request, Status};

use crate::api::Api;
use crate::context::context;
use crate::shape::parse;

pub(super) async fn audit(
    api: &Api,
    request: &Request<v1::AuditAllocationsRequest>,
) -> Result<v1::AuditAllocationsResponse, Status> {
    let m = request.get_ref();
    let (cluster, context) = parse(|v| {
        let cluster = name::cluster("name", &m.name, v);
        if m.validate_only && !m.repair {
            v.add(
                "validate_only",
                "has no effect without repair; leave it out",
            );
        }
        let context = context("AuditAllocations", request, "", m.validate_only, v);
        Some((cluster?, context))
    })?;
    let access = api.cluster(&cluster)?;
    let state = access.state();
    let revision = state.revision();
    let looked = tokio::task::spawn_blocking(move || look(&state)).await;
    let findings = looked.expect("auditing does not panic and is never aborted");
    if !m.repair || findings.is_empty() {
        return Ok(answer(cluster.as_str(), &findings, revision.0));
    }
    let orphans = settled_orphans(access.allocator.cache(), &findings, access.clock.now());
    let action = Action::Claims(ClaimsAction::Repair { orphans });
    let outcome = access.submit(Operation { action, context }).await?;
    Ok(answer(
        cluster.as_str(),
        &outcome.discrepancies,
        outcome.revision.0,
    ))
}

fn answer(cluster: &str, findings: &[Discrepancy], revision: u64) -> v1::AuditAllocationsResponse {
    let shown = findings.iter().take(DISCREPANCIES.value);
    v1::AuditAllocationsResponse {
        findings: shown.map(|finding| wire(cluster, finding)).collect(),
        total: u32::try_from(findings.len()).unwrap_or(u32::MAX),
        revision,
    }
}

fn wire(cluster: &str, finding: &Discrepancy) -> v1::AllocationFinding {
    v1::AllocationFinding {
        reason: finding.reason.as_str().to_owned(),
        service: format!(
            "clusters/{cluster}/namespaces/{}/services/{}",
            finding.service.namespace, finding.service.name
        ),
        claimed: match finding.claimed {
            Claimed::Address(address) => address.to_string(),
            Claimed::Port(port) => port.to_string(),
        },
        message: finding.message.clone(),
        repairable: finding.remedy != Remedy::People,
        repaired: finding.repaired,
    }
}
