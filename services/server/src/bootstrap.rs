//! The first start, and the check that later flags fit what is stored.

use portolan_allocator::{Action, ClusterAction, Context, NewCluster, Operation};
use portolan_model::{ClusterSpec, State};

use crate::args::Settings;
use crate::directory::Directory;
use crate::error::ServerError;

/// Makes sure that the cluster exists as the flags want it.
pub(super) async fn bootstrap(
    directory: &Directory,
    settings: &Settings,
    remedy: &str,
) -> Result<(), ServerError> {
    let name = &settings.cluster;
    if directory.clusters().get(name).is_none() {
        let action = Action::Cluster(ClusterAction::Bootstrap(NewCluster {
            name: name.clone(),
            spec: settings.new_spec(),
            cidrs: settings.new_service_cidrs(),
        }));
        let context = Context {
            principal: "portolan".to_owned(),
            method: "Bootstrap",
            ..Context::default()
        };
        let done = directory.create(name, Operation { action, context }).await;
        done.map_err(|error| {
            ServerError::Start(format!("the cluster could not be created: {error}"))
        })?;
    }
    // Another replica may have been first: what is stored counts.
    let gone = || ServerError::Start("the cluster is gone from the store".to_owned());
    let cluster = directory.clusters().get(name).ok_or_else(gone)?;
    let state = cluster.state();
    let cluster = state.cluster().ok_or_else(gone)?;
    match difference(settings, &cluster.spec, &state) {
        Some(difference) => Err(ServerError::Start(format!(
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portolan_model::Family;
    use portolan_store::{AnyStore, MemStore, SystemClock};

    use super::*;
    use crate::args::ClusterFlags;
    use crate::metrics::Metrics;
    use crate::plane::Common;

    async fn start(store: &MemStore, cidrs: &[&str]) -> Result<Vec<Family>, String> {
        let flags = ClusterFlags {
            service_cidr: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
            ..ClusterFlags::default()
        };
        let text = |failure: ServerError| format!("{failure}");
        let settings = flags.settings().map_err(text)?;
        let common = Common {
            store: AnyStore::new(store.clone()),
            clock: Arc::new(SystemClock),
            metrics: Metrics::default(),
        };
        let opened = Directory::open(common).await;
        let (directory, _watch) = opened.unwrap();
        bootstrap(&directory, &settings, "mend it")
            .await
            .map_err(text)?;
        let cluster = directory.clusters().get(&settings.cluster).unwrap();
        let state = cluster.state();
        Ok(state.cluster().unwrap().spec.families.clone())
    }

    #[tokio::test]
    async fn the_first_start_takes_its_families_from_the_ranges() {
        use Family::{V4, V6};
        for (what, cidrs, families) in [
            ("nothing said", &[][..], Ok(vec![V4])),
            ("IPv4", &["10.0.0.0/16"], Ok(vec![V4])),
            ("IPv6", &["fd00::/108"], Ok(vec![V6])),
            ("both", &["10.0.0.0/16", "fd00::/108"], Ok(vec![V4, V6])),
            (
                "both, IPv6 first",
                &["fd00::/108", "10.0.0.0/16"],
                Ok(vec![V6, V4]),
            ),
            (
                "one twice",
                &["10.0.0.0/16", "10.1.0.0/16"],
                Err("--service-cidr 10.1.0.0/16: 10.0.0.0/16 is of family IPv4, too"),
            ),
            (
                "too wide",
                &["fd00::/32"],
                Err("must not be wider than /64"),
            ),
        ] {
            let store = MemStore::new();
            let started = start(&store, cidrs).await;
            match families {
                Ok(_) => {
                    assert_eq!(started, families.map_err(str::to_owned), "{what}");
                    assert_eq!(start(&store, &[]).await, started, "{what}: and keeps them");
                }
                Err(why) => assert!(started.unwrap_err().contains(why), "{what}"),
            }
        }
    }
}
