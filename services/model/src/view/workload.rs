//! What nodes are told of workloads: what to probe.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{View, ViewKey, ViewKind};
use crate::{Name, Probe, ProbeAction, ProbePort, Protocol, Workload};

/// A workload with a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadView {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Whose agent probes it.
    pub node: Name,
    /// Its addresses; the first is probed.
    pub addresses: Vec<IpAddr>,
    /// What to do; every port is a number.
    pub probe: Probe,
    /// To be repeated in reports.
    pub probe_generation: u64,
}

impl WorkloadView {
    /// The version of the projection that last added a field.
    pub(super) const SINCE: u32 = 2;
}

pub(super) fn project_workload(workload: &Workload, views: &mut BTreeMap<ViewKey, View>) {
    let (Some(probe), Some(node)) = (&workload.spec.probe, &workload.spec.node) else {
        return;
    };
    let view = WorkloadView {
        namespace: workload.namespace.clone(),
        name: workload.meta.name.clone(),
        node: node.clone(),
        addresses: workload.spec.addresses.clone(),
        probe: with_numbers(probe, workload),
        probe_generation: workload.probe_generation,
    };
    views.insert(
        ViewKey::new(ViewKind::Workload, workload.meta.uid),
        View::Workload(view),
    );
}

/// Named ports resolved. Validation made sure that the name exists; 0 would simply fail.
fn with_numbers(probe: &Probe, workload: &Workload) -> Probe {
    let resolve = |port: &mut ProbePort| {
        if let ProbePort::Name(name) = port {
            *port = ProbePort::Number(workload.spec.named_port(name, Protocol::Tcp).unwrap_or(0));
        }
    };
    let mut probe = probe.clone();
    match &mut probe.action {
        ProbeAction::HttpGet { port, .. } | ProbeAction::TcpConnect { port } => resolve(port),
        ProbeAction::GrpcCheck { .. } => {}
    }
    probe
}
