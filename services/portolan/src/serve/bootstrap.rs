//! The first start, and the check that later flags fit what is stored.

use portolan_allocator::{Action, Allocator, Context, Operation};
use portolan_model::{ClusterSpec, State};

use super::args::Settings;
use crate::failure::Failure;

/// Makes sure that the cluster exists as the flags want it.
pub(super) async fn bootstrap(
    allocator: &Allocator,
    settings: &Settings,
    remedy: &str,
) -> Result<(), Failure> {
    let state = allocator.cache().state();
    if state.cluster().is_none() {
        let action = Action::Bootstrap {
            name: settings.cluster.clone(),
            spec: settings.new_spec(),
            cidrs: settings.new_service_cidrs(),
        };
        let context = Context {
            principal: "portolan".to_owned(),
            method: "Bootstrap",
            ..Context::default()
        };
        let done = allocator.submit(Operation { action, context }).await;
        done.map_err(|error| Failure::Start(format!("the cluster could not be created: {error}")))?;
    }
    // Another replica may have been first: what is stored counts.
    let state = allocator.cache().state();
    let cluster = state
        .cluster()
        .ok_or_else(|| Failure::Start("the cluster is gone from the store".to_owned()))?;
    match difference(settings, &cluster.spec, &state) {
        Some(difference) => Err(Failure::Start(format!(
            "{difference}; leave the flag out, or {remedy}"
        ))),
        None => Ok(()),
    }
}

fn difference(settings: &Settings, stored: &ClusterSpec, state: &State) -> Option<String> {
    let differs = |flag: &str, wanted: String, stored: String| {
        (wanted != stored).then(|| format!("{flag} {wanted} differs from what is stored: {stored}"))
    };
    if let Some(wanted) = &settings.service_cidrs {
        let known: Vec<_> = state
            .service_cidrs()
            .flat_map(|s| s.cidrs.iter().copied())
            .collect();
        if !wanted.iter().all(|cidr| known.contains(cidr)) {
            return differs("--service-cidr", list(wanted), list(&known))
                .map(|text| format!("{text} (to add a range: ServiceCidrAPI/CreateServiceCidr)"));
        }
    }
    let ports = settings.node_ports.and_then(|wanted| {
        differs(
            "--node-port-range",
            wanted.to_string(),
            stored.node_ports.to_string(),
        )
    });
    let zone = || {
        settings
            .dns_domain
            .clone()
            .and_then(|wanted| differs("--dns-domain", wanted, stored.dns_domain.clone()))
    };
    let endpoints = || {
        let wanted = settings.endpoint_ranges.as_deref()?;
        differs(
            "--endpoint-range",
            list(wanted),
            list(&stored.endpoint_ranges),
        )
    };
    let workloads = || {
        let wanted = settings.workload_ranges.as_deref()?;
        differs(
            "--workload-range",
            list(wanted),
            list(&stored.workload_ranges),
        )
    };
    ports.or_else(zone).or_else(endpoints).or_else(workloads)
}

fn list(ranges: &[ipnet::IpNet]) -> String {
    ranges
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
