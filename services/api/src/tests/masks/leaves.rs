//! Masks down to single keys and fields: what is not named stays to the last leaf, the same write a second time changes
//! nothing, and naming all leaves is replacing the whole.

use super::*;

/// A resource with the smallest parts that a mask can name, none of which lies in another.
trait Leaves: Masked {
    fn leaves() -> Vec<Part<Self>>;
}

/// Parts by their paths.
macro_rules! leaves {
    ($message:ty: $($path:literal => |$m:ident| $show:expr;)*) => {
        vec![$(Part::<$message> {
            path: $path.to_owned(),
            show: |$m| format!("{:?}", $show),
        }),*]
    };
}

/// The keys that arbitrary labels and annotations have.
macro_rules! keys {
    ($message:ty) => {
        leaves!($message:
            "labels.a" => |m| m.labels.get("a");
            "labels.b" => |m| m.labels.get("b");
            "labels.`c`" => |m| m.labels.get("c");
            "annotations.a" => |m| m.annotations.get("a");
            "annotations.`b`" => |m| m.annotations.get("b");
            "annotations.c" => |m| m.annotations.get("c");
        )
    };
}

fn probe(workload: &v1::Workload) -> Option<&v1::Probe> {
    workload.spec.as_ref()?.readiness_probe.as_ref()
}

fn spec(workload: &v1::Workload) -> v1::WorkloadSpec {
    workload.spec.clone().unwrap_or_default()
}

impl Leaves for v1::Workload {
    /// A probe's fields are shown as they are if left out.
    fn leaves() -> Vec<Part<Self>> {
        let spec = leaves!(Self:
            "spec.addresses" => |m| spec(m).addresses;
            "spec.node" => |m| spec(m).node;
            "spec.ports" => |m| spec(m).ports;
            "spec.hostname" => |m| spec(m).hostname;
            "spec.subdomain" => |m| spec(m).subdomain;
            "spec.draining" => |m| spec(m).draining;
            "spec.reported_ready" => |m| spec(m).reported_ready;
            "spec.readiness_probe.tcp_connect.port" => |m| probe(m).and_then(|p| p.action.clone());
            "spec.readiness_probe.initial_delay_seconds" => |m| probe(m).map_or(0, |p| p.initial_delay_seconds);
            "spec.readiness_probe.period_seconds" => |m| probe(m).map_or(10, |p| p.period_seconds);
            "spec.readiness_probe.timeout_seconds" => |m| probe(m).map_or(1, |p| p.timeout_seconds);
            "spec.readiness_probe.success_threshold" => |m| probe(m).map_or(1, |p| p.success_threshold);
            "spec.readiness_probe.failure_threshold" => |m| probe(m).map_or(3, |p| p.failure_threshold);
        );
        keys!(Self).into_iter().chain(spec).collect()
    }
}

impl Leaves for v1::Node {
    fn leaves() -> Vec<Part<Self>> {
        let spec = parts!(Self: ; addresses zone node_port_addresses dataplane;);
        keys!(Self).into_iter().chain(spec).collect()
    }
}

impl Leaves for v1::Namespace {
    fn leaves() -> Vec<Part<Self>> {
        let spec = parts!(Self: ; endpoint_ranges; services node_ports load_balancers endpoints);
        keys!(Self).into_iter().chain(spec).collect()
    }
}

impl Leaves for v1::Cluster {
    fn leaves() -> Vec<Part<Self>> {
        let range = leaves!(Self:
            "spec.node_port_range.first" => |m| m.spec.clone().unwrap_or_default().node_port_range.map(|r| r.first);
            "spec.node_port_range.last" => |m| m.spec.clone().unwrap_or_default().node_port_range.map(|r| r.last);
        );
        let spec = parts!(Self: ; dns_domain ip_families endpoint_ranges workload_ranges;);
        range.into_iter().chain(spec).collect()
    }
}

impl Leaves for v1::Service {
    fn leaves() -> Vec<Part<Self>> {
        let selector = leaves!(Self:
            "spec.selector.a" => |m| m.spec.clone().unwrap_or_default().selector.get("a");
            "spec.selector.`b`" => |m| m.spec.clone().unwrap_or_default().selector.get("b");
            "spec.selector.c" => |m| m.spec.clone().unwrap_or_default().selector.get("c");
            "spec.session_affinity_config.client_ip_timeout_seconds" =>
                |m| m.spec.clone().unwrap_or_default().session_affinity_config;
        );
        let spec = parts!(Self: ; ports session_affinity internal_traffic_policy traffic_distribution
            publish_not_ready_addresses;);
        let all = keys!(Self).into_iter().chain(selector);
        all.chain(spec).collect()
    }
}

/// The same write again: allowed, and no revision.
async fn again<M: Leaves>(before: M, sent: M, mask: Mask) -> Result<(), TestCaseError> {
    let server = Server::start().await;
    M::create(&server, before).await;
    let wire = || mask.wire(&M::leaves());
    if M::update(&server, sent.clone(), wire()).await.is_err() {
        return Ok(());
    }
    let (after, revision) = (M::get(&server).await.settled(), server.revision());
    let repeated = M::update(&server, sent, wire()).await;
    prop_assert!(repeated.is_ok(), "{:?}", repeated);
    prop_assert_eq!(server.revision(), revision);
    prop_assert_eq!(M::get(&server).await.settled(), after);
    Ok(())
}

/// All leaves on one server, `*` on another one.
async fn whole<M: Leaves>(before: M, sent: M) -> Result<(), TestCaseError> {
    let all = Mask::Named((0..M::leaves().len()).collect(), false, false);
    let mut shown = Vec::new();
    for mask in [all, Mask::All] {
        let server = Server::start().await;
        M::create(&server, before.clone()).await;
        let updated = M::update(&server, sent.clone(), mask.wire(&M::leaves())).await;
        prop_assert!(updated.is_ok(), "{:?}: {:?}", mask, updated);
        let after = M::get(&server).await;
        shown.push(
            M::parts()
                .iter()
                .map(|part| (part.show)(&after))
                .collect::<Vec<_>>(),
        );
    }
    prop_assert_eq!(&shown[0], &shown[1]);
    Ok(())
}

fn run<M: Leaves>() {
    // Without a mask whole fields are meant, which are no leaves.
    let named = subsequence(
        (0..M::leaves().len()).collect::<Vec<_>>(),
        0..=M::leaves().len(),
    );
    let named = named.prop_map(|some| Mask::Named(some, false, true));
    let strategy = (M::arbitrary(), M::arbitrary(), named);
    let config = ProptestConfig::with_cases(100);
    let done = TestRunner::new(config).run(&strategy, |(before, sent, mask)| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            check(M::leaves(), before.clone(), sent.clone(), mask.clone()).await?;
            again(before.clone(), sent.clone(), mask).await?;
            whole(before, sent).await
        })
    });
    done.unwrap_or_else(|failed| panic!("{failed}"));
}

#[test]
fn workloads_change_down_to_the_leaf() {
    run::<v1::Workload>();
}

#[test]
fn nodes_change_down_to_the_leaf() {
    run::<v1::Node>();
}

#[test]
fn namespaces_change_down_to_the_leaf() {
    run::<v1::Namespace>();
}

#[test]
fn clusters_change_down_to_the_leaf() {
    run::<v1::Cluster>();
}

#[test]
fn services_change_down_to_the_leaf() {
    run::<v1::Service>();
}
