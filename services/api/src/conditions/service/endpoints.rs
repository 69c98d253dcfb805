//! Whether a Service has something behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{
    ConditionReason as Why, Endpoint, Family, Grants, Origin, Service, ServicePort, ServiceType,
    State, TargetPort, Timestamp,
};
use portolan_proto::v1::ConditionStatus::{False, True};

use super::Word;

/// The endpoints of a Service. An address counts once, however many endpoints are at it.
pub(super) struct Endpoints<'a> {
    all: Vec<&'a Arc<Endpoint>>,
    total: usize,
    ready: usize,
}

impl<'a> Endpoints<'a> {
    pub(super) fn of(state: &'a State, service: &Service) -> Self {
        let all: Vec<_> = state.endpoints_of(service).collect();
        let total = addresses(all.iter().copied());
        let ready = addresses(all.iter().copied().filter(|endpoint| endpoint.ready));
        Self { all, total, ready }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// When one of them last changed.
    pub(super) fn changed_at(&self) -> Option<Timestamp> {
        self.all.iter().map(|endpoint| endpoint.updated_at).max()
    }

    pub(super) fn resolved(&self, state: &State, service: &Service) -> Word {
        if service.spec.kind == ServiceType::ExternalName {
            return Word(
                True,
                Why::NotNeeded,
                "an ExternalName has no endpoints".to_owned(),
            );
        }
        if self.all.is_empty() {
            return nothing(state, service);
        }
        let unserved = service.spec.ports.iter().find(|port| !self.serve(port));
        if let Some(port) = unserved {
            return Word(False, Why::PortNameMismatch, mismatch(service, port));
        }
        let total = self.total;
        if self.ready == 0 {
            let why = self.all.iter().find_map(|endpoint| reason(state, endpoint));
            let why = why
                .map(|why| format!("; for example: {why}"))
                .unwrap_or_default();
            return Word(
                False,
                Why::NotReady,
                format!("none of {total} endpoints is ready{why}"),
            );
        }
        let ready = format!("{} of {total} endpoints are ready", self.ready);
        match self.kept_back(state, service) {
            None => Word(True, Why::Resolved, ready),
            Some((number, why)) => {
                let message = format!("{ready}, but nodes are not told of {number}: {why}");
                let all = number == self.ready;
                Word(if all { False } else { True }, Why::NotAdmitted, message)
            }
        }
    }

    /// How many ready endpoints nodes are not told of, and why of the first one.
    fn kept_back(&self, state: &State, service: &Service) -> Option<(usize, String)> {
        let grants = Grants::of(state, &service.namespace)?;
        let ready = self.all.iter().copied().filter(|endpoint| endpoint.ready);
        let kept = ready.filter(|endpoint| grants.admit(endpoint).is_err());
        let why = kept
            .clone()
            .find_map(|endpoint| grants.admit(endpoint).err())?;
        Some((addresses(kept), why))
    }

    fn serve(&self, port: &ServicePort) -> bool {
        let mut ports = self.all.iter().flat_map(|endpoint| &endpoint.ports);
        ports.any(|p| p.service_port == port.name)
    }
}

fn addresses<'a>(endpoints: impl Iterator<Item = &'a Arc<Endpoint>>) -> usize {
    let addresses: BTreeSet<_> = endpoints.map(|endpoint| endpoint.address).collect();
    addresses.len()
}

fn nothing(state: &State, service: &Service) -> Word {
    let (namespace, selector) = (&service.namespace, &service.spec.selector);
    if !service.spec.has_selector() {
        return Word(
            False,
            Why::NoEndpoints,
            "it has no selector, and no endpoints were written for it".to_owned(),
        );
    }
    if state.workloads_matching(namespace, selector).is_empty() {
        let pairs: Vec<_> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let message = format!(
            "no workload in namespace {namespace} has the labels {}",
            pairs.join(",")
        );
        return Word(False, Why::NoWorkloads, message);
    }
    let families: Vec<_> = service
        .spec
        .families
        .iter()
        .map(Family::to_string)
        .collect();
    let message = format!(
        "no workload that the selector matches has an {} address",
        families.join(" or ")
    );
    Word(False, Why::NoAddresses, message)
}

/// What the last probe said.
fn reason(state: &State, endpoint: &Endpoint) -> Option<String> {
    let Origin::Workload { uid, .. } = &endpoint.origin else {
        return None;
    };
    let health = state.workload_by_uid(*uid)?.readiness.as_ref()?;
    Some(health.reason.clone()).filter(|reason| !reason.is_empty())
}

/// A port that no endpoint serves: the silent classic of names that don't match.
fn mismatch(service: &Service, port: &ServicePort) -> String {
    let label = if port.name.is_empty() {
        port.port.to_string()
    } else {
        port.name.clone()
    };
    match &port.target {
        TargetPort::Name(target) if service.spec.has_selector() => format!(
            "no workload has a {} port named {target:?}, which port {label} targets",
            port.protocol
        ),
        _ => format!(
            "no endpoint serves port {label}: the port names of the endpoints must equal those of the Service"
        ),
    }
}
