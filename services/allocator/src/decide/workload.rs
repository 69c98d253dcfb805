//! Workloads.

use std::sync::Arc;

use portolan_model::{
    Grants, Meta, Precondition, Reason, Refusal, Scoped, Violations, Workload, WorkloadSpec,
    validate,
};

use super::decided::Decided;
use super::draft::Draft;
use super::endpoints;

impl Decided for Workload {
    const FIELD: &'static str = "workload";

    fn made(key: &Scoped, meta: Meta, spec: WorkloadSpec, before: Option<&Self>) -> Self {
        let probed_anew = before.is_none_or(|before| probed(&before.spec) != probed(&spec));
        let probe_generation = before.map_or(0, |before| before.probe_generation);
        Self {
            meta,
            namespace: key.namespace.clone(),
            spec,
            probe_generation: probe_generation + u64::from(probed_anew),
            readiness: before.and_then(|before| before.readiness.clone()),
        }
    }

    fn rules(spec: &WorkloadSpec, violations: &mut Violations) {
        validate::workload("workload.spec", spec, violations);
    }

    fn warnings(spec: &WorkloadSpec) -> Vec<String> {
        let rows = [
            (
                spec.hostname.is_none() && spec.subdomain.is_some(),
                "spec.subdomain has no effect without spec.hostname",
            ),
            (
                spec.hostname.is_some() && spec.subdomain.is_none(),
                "spec.hostname has no effect without spec.subdomain",
            ),
            (
                spec.probe.is_some() && spec.node.is_none(),
                "spec.readiness_probe has no effect without spec.node: nobody runs it, and spec.reported_ready counts instead",
            ),
        ];
        let in_effect = rows.into_iter().filter(|(applies, _)| *applies);
        in_effect.map(|(_, text)| text.to_owned()).collect()
    }

    /// An address that is there may stay, wherever ranges have gone since; nodes are not told of it.
    fn check(
        draft: &Draft,
        key: &Scoped,
        wanted: &WorkloadSpec,
        before: Option<&Self>,
    ) -> Result<(), Refusal> {
        let grants = Grants::of(draft.state(), &key.namespace);
        let grants = grants.ok_or_else(|| Refusal::not_found("the cluster"))?;
        let had = before.map_or(&[][..], |before| &before.spec.addresses);
        let new = wanted.addresses.iter().enumerate();
        let new = new.filter(|(_, address)| !had.contains(address));
        let preconditions = new.filter_map(|(i, address)| {
            let description = grants.check(*address).err()?;
            Some(Precondition {
                kind: Reason::Range,
                subject: format!("workload.spec.addresses[{i}]"),
                description,
                holder: None,
            })
        });
        let preconditions: Vec<_> = preconditions.collect();
        if preconditions.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Precondition {
                reason: Reason::Range,
                preconditions,
            })
        }
    }

    fn release(draft: &mut Draft, before: &Self) {
        endpoints::remove_of_workload(draft, before);
    }

    fn follow(draft: &mut Draft, _: &Scoped, before: Option<&Self>, after: Option<&Arc<Self>>) {
        if let Some(after) = after {
            endpoints::sync_workload(draft, before, after);
        }
    }
}

/// What a probe's result depends on: with another answer here, older results say nothing.
fn probed(spec: &WorkloadSpec) -> impl PartialEq + use<'_> {
    (
        &spec.probe,
        &spec.addresses,
        &spec.node,
        spec.probe.is_some().then_some(&spec.ports),
    )
}
