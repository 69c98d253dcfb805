//! Conditions of workloads.

use portolan_model::{ConditionReason as Why, Grants, Prober, State, Workload};
use portolan_proto::v1;
use portolan_proto::v1::ConditionStatus::{False, True};

use super::Word;

/// What is known about a workload.
pub(crate) fn workload_status(state: &State, workload: &Workload) -> v1::WorkloadStatus {
    let serving = state.is_serving(workload);
    let (generation, since) = (workload.meta.generation, workload.meta.updated_at);
    let readiness = readiness(state, workload, serving);
    let mut conditions = vec![readiness.condition("Ready", generation, since)];
    if state.prober(workload) == Prober::Missing {
        let node = workload.spec.node.as_ref();
        let message = node.map_or_else(
            || "it has a probe, but names no node whose agent could run it; set spec.node".to_owned(),
            |node| format!("node {node} is not registered, so nobody runs the probe; start a plugin there, or create the node"),
        );
        let missing = Word(True, Why::NodeNotRegistered, message);
        conditions.push(missing.condition("NoProber", generation, since));
    }
    conditions.extend(
        not_admitted(state, workload).map(|word| word.condition("NotAdmitted", generation, None)),
    );
    v1::WorkloadStatus {
        conditions,
        serving,
        probe_generation: workload.probe_generation,
    }
}

/// Ranges may have come over it, or gone from under it, since it was written.
fn not_admitted(state: &State, workload: &Workload) -> Option<Word> {
    let grants = Grants::of(state, &workload.namespace)?;
    let mut addresses = workload.spec.addresses.iter();
    let why = addresses.find_map(|address| grants.check(*address).err())?;
    let message = format!(
        "nodes are not told of it: {why}; give it another address, or change the ServiceCIDRs or the cluster's endpoint_ranges"
    );
    Some(Word(True, Why::AddressNotAllowed, message))
}

fn readiness(state: &State, workload: &Workload, serving: bool) -> Word {
    let reason = workload
        .readiness
        .as_ref()
        .map(|health| health.reason.as_str())
        .unwrap_or_default();
    match (serving, state.prober(workload)) {
        (true, _) if workload.spec.draining => Word(
            False,
            Why::Draining,
            "it serves, but is about to end".to_owned(),
        ),
        (true, Prober::Node(node)) => Word(
            True,
            Why::ProbePassed,
            format!("the probe on node {node} passes"),
        ),
        (true, _) => Word(
            True,
            Why::Serving,
            "it needs no probe, or was reported ready".to_owned(),
        ),
        (false, Prober::Node(node)) if workload.readiness.is_none() => Word(
            False,
            Why::NotProbedYet,
            format!("node {node} has not reported a result yet"),
        ),
        (false, Prober::Node(node)) => Word(
            False,
            Why::ProbeFailed,
            format!("the probe on node {node} fails: {reason}"),
        ),
        (false, Prober::Missing) => Word(False, Why::NoProber, "nobody runs its probe".to_owned()),
        (false, Prober::NotNeeded) => Word(
            False,
            Why::ReportedNotReady,
            "it was reported not ready".to_owned(),
        ),
    }
}
