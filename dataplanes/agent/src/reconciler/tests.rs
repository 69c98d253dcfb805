use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::testing::FakeDataplane;
use portolan_dataplane::{DataplaneError, Frontend};
use portolan_model::view::{
    ClusterView, EndpointPortView, EndpointView, FrontendAt, FrontendView, Reach, ServiceView,
    View, ViewKind, WhenEmpty,
};
use portolan_model::{Protocol, TrafficPolicy, Uid};

use super::*;

fn uid(number: u8) -> Uid {
    Uid::from_random(u128::from(number))
}

fn key(number: u8) -> FrontendKey {
    FrontendKey {
        address: IpAddr::from([10, 96, 0, number]),
        port: 80,
        protocol: Protocol::Sctp,
    }
}

fn service(number: u8) -> (ViewKey, View) {
    let view = ServiceView {
        namespace: Name::trusted("default"),
        name: Name::trusted(format!("service-{number}")),
        frontends: vec![FrontendView {
            at: FrontendAt::Address(key(number).address),
            reach: Reach::Internal,
            policy: TrafficPolicy::Cluster,
            port: 80,
            protocol: Protocol::Sctp,
            service_port: String::new(),
            affinity_seconds: 0,
            source_ranges: Vec::new(),
            when_empty: WhenEmpty::Reject,
            node_hints_valid: false,
            zone_hints_valid: false,
        }],
        external_name: String::new(),
        headless: false,
    };
    (
        ViewKey::new(ViewKind::Service, uid(number)),
        View::Service(view),
    )
}

/// Hands on to a fake, and can be made blind, deaf or unable to remove.
#[derive(Clone)]
struct Moody {
    fake: FakeDataplane,
    blind: bool,
    deaf: bool,
    clinging: bool,
}

impl Moody {
    fn new(fake: &FakeDataplane) -> Self {
        Self {
            fake: fake.clone(),
            blind: false,
            deaf: false,
            clinging: false,
        }
    }
}

fn error(context: &str) -> DataplaneError {
    DataplaneError {
        context: context.to_owned(),
        source: None,
    }
}

impl Dataplane for Moody {
    fn capabilities(&self) -> Capabilities {
        self.fake.capabilities()
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        if self.deaf {
            return Err(error("deaf"));
        }
        self.fake.configure(environment).await
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        if self.blind {
            return Err(error("blind"));
        }
        self.fake.observe().await
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let mut plan = plan.clone();
        let kept = if self.clinging {
            std::mem::take(&mut plan.remove)
        } else {
            Vec::new()
        };
        let mut applied = self.fake.apply(&plan).await;
        applied
            .rejected
            .extend(kept.into_iter().map(|key| Rejected {
                key,
                code: RejectionCode::Internal,
                message: "can't remove".to_owned(),
            }));
        applied
    }

    async fn probe(&mut self) -> Health {
        self.fake.probe().await
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        self.fake.cleanup().await
    }
}

async fn change<D: Dataplane>(reconciler: &mut Reconciler<D>, upserts: &[u8], removed: &[u8]) {
    let upserts = upserts.iter().map(|number| service(*number));
    let removed = removed.iter().map(|number| service(*number).0);
    let touched = reconciler.views.apply(upserts, removed);
    reconciler.change(touched).await;
}

fn keys(fake: &FakeDataplane) -> Vec<FrontendKey> {
    fake.programmed().into_keys().collect()
}

/// What an earlier process left, for Service `number`.
fn left_behind(number: u8) -> (FrontendKey, Arc<Frontend>) {
    let mut views = Views::default();
    views.apply([service(number)], []);
    let state = views.desired_all(&Name::trusted("node-1"));
    state.into_iter().next().unwrap()
}

fn reconciler<D: Dataplane>(dataplane: D) -> Reconciler<D> {
    Reconciler::new(dataplane, Name::trusted("node-1"))
}

#[tokio::test]
async fn an_audit_puts_right_what_was_changed_behind_its_back() {
    let fake = FakeDataplane::default();
    let mut reconciler = reconciler(fake.clone());
    change(&mut reconciler, &[1, 2], &[]).await;
    let whole = fake.programmed();
    fake.tamper(|programmed| {
        programmed.remove(&key(1));
        programmed.extend([left_behind(9)]);
    });
    reconciler.audit().await;
    assert_eq!(fake.programmed(), whole);
    let writes = fake.writes();
    reconciler.audit().await;
    assert_eq!(fake.writes(), writes, "nothing to do, nothing done");
}

#[tokio::test]
async fn a_node_without_services_is_told_once_that_everything_is_programmed() {
    let fake = FakeDataplane::default();
    let mut reconciler = reconciler(fake.clone());
    change(&mut reconciler, &[], &[]).await;
    assert_eq!(fake.plans(), 1);
    change(&mut reconciler, &[], &[]).await;
    reconciler.audit().await;
    assert_eq!((fake.plans(), fake.writes()), (1, 0));
}

#[tokio::test]
async fn a_dataplane_that_cannot_be_observed_is_programmed_and_pruned_later() {
    let fake = FakeDataplane::default();
    fake.tamper(|programmed| programmed.extend([left_behind(9)]));
    let mut reconciler = reconciler(Moody {
        blind: true,
        ..Moody::new(&fake)
    });
    change(&mut reconciler, &[1], &[]).await;
    assert_eq!(keys(&fake), [key(1), key(9)]);
    assert!(reconciler.is_failing());
    reconciler.dataplane.blind = false;
    reconciler.retry().await;
    assert_eq!(keys(&fake), [key(1)]);
    assert!(!reconciler.is_failing());
}

#[tokio::test]
async fn a_dataplane_that_cannot_be_configured_is_told_again() {
    let fake = FakeDataplane::default();
    let mut reconciler = reconciler(Moody {
        deaf: true,
        ..Moody::new(&fake)
    });
    change(&mut reconciler, &[1], &[]).await;
    assert_eq!(keys(&fake), [key(1)]);
    assert!(reconciler.is_failing());
    reconciler.dataplane.deaf = false;
    reconciler.retry().await;
    assert!(!reconciler.is_failing() && reconciler.rejected().is_empty());
}

#[tokio::test]
async fn while_a_dataplane_is_not_configured_every_service_is_rejected() {
    let fake = FakeDataplane::default();
    let mut reconciler = reconciler(Moody::new(&fake));
    change(&mut reconciler, &[1, 2], &[]).await;
    reconciler.dataplane.deaf = true;
    let (cluster, view) = cluster(&[]);
    let touched = reconciler.views.apply([(cluster, view)], []);
    reconciler.change(touched).await;
    // What comes meanwhile is programmed, and told to be no more certain than the rest.
    change(&mut reconciler, &[3], &[1]).await;
    assert_eq!(keys(&fake), [key(2), key(3)]);
    let rejected = reconciler.rejected();
    let services: Vec<_> = rejected.keys().copied().collect();
    assert_eq!(services, [service(2).0, service(3).0]);
    for reason in rejected.values() {
        assert_eq!(reason.code, "INTERNAL");
        assert!(reason.message.contains("deaf"), "{}", reason.message);
    }
    reconciler.dataplane.deaf = false;
    reconciler.retry().await;
    assert!(reconciler.rejected().is_empty() && !reconciler.is_failing());
}

#[tokio::test]
async fn a_removal_that_fails_is_a_rejection_of_the_service_that_is_gone() {
    let fake = FakeDataplane::default();
    let mut reconciler = reconciler(Moody::new(&fake));
    change(&mut reconciler, &[1, 2], &[]).await;
    reconciler.dataplane.clinging = true;
    change(&mut reconciler, &[3], &[1]).await;
    assert_eq!(
        reconciler.rejected().into_keys().collect::<Vec<_>>(),
        [service(1).0]
    );
    assert_eq!(keys(&fake), [key(1), key(2), key(3)]);
    reconciler.dataplane.clinging = false;
    reconciler.retry().await;
    assert!(reconciler.rejected().is_empty() && !reconciler.is_failing());
    assert_eq!(keys(&fake), [key(2), key(3)]);
}

#[tokio::test]
async fn what_is_beyond_the_dataplane_is_rejected_and_not_retried() {
    let mut capabilities = FakeDataplane::everything();
    capabilities.protocols.remove(&Protocol::Sctp);
    let fake = FakeDataplane::new(capabilities);
    fake.tamper(|programmed| programmed.extend([left_behind(1)]));
    let mut reconciler = reconciler(fake.clone());
    change(&mut reconciler, &[1], &[]).await;
    let reasons: Vec<_> = reconciler
        .rejected()
        .into_values()
        .map(|r| r.code)
        .collect();
    assert_eq!(reasons, ["UNSUPPORTED_FEATURE"]);
    assert!(!reconciler.is_failing());
    assert!(keys(&fake).is_empty(), "an older version is removed");
    change(&mut reconciler, &[], &[1]).await;
    assert!(reconciler.rejected().is_empty());
}

fn cluster(endpoint_ranges: &[&str]) -> (ViewKey, View) {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let view = ClusterView {
        service_cidrs: nets(&["10.96.0.0/16"]),
        endpoint_ranges: nets(endpoint_ranges),
        ..ClusterView::default()
    };
    (
        ViewKey::new(ViewKind::Cluster, uid(99)),
        View::Cluster(view),
    )
}

/// Behind the first Service.
fn endpoint(number: u8, address: &str) -> (ViewKey, View) {
    let port = EndpointPortView {
        service_port: String::new(),
        port: 8080,
        protocol: Some(Protocol::Tcp),
        cluster: true,
        local: true,
    };
    let view = EndpointView {
        service: uid(1),
        address: address.parse().unwrap(),
        ports: vec![port],
        node: None,
        zone: String::new(),
        hostname: String::new(),
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
        node_hints: Vec::new(),
        zone_hints: Vec::new(),
    };
    (
        ViewKey::new(ViewKind::Endpoint, uid(number)),
        View::Endpoint(view),
    )
}

#[tokio::test]
async fn endpoints_where_none_may_be_are_told_and_carry_no_traffic() {
    let all = [
        ("an address outside", 11, "192.0.2.1"),
        ("a virtual address", 12, "10.96.0.7"),
        ("loopback", 13, "127.0.0.1"),
        ("link-local", 14, "169.254.169.254"),
        ("an allowed one", 15, "10.0.0.1"),
    ];
    let mut reconciler = Reconciler::new(
        FakeDataplane::new(FakeDataplane::everything()),
        Name::trusted("n1"),
    );
    for (what, ranges, allowed) in [
        ("the default rule", &[][..], &[11, 15][..]),
        ("named ranges", &["10.0.0.0/8"], &[15]),
        ("loopback named", &["127.0.0.0/8", "10.0.0.0/8"], &[13, 15]),
    ] {
        let endpoints = all
            .iter()
            .map(|(_, number, address)| endpoint(*number, address));
        let upserts = [cluster(ranges), service(1)].into_iter().chain(endpoints);
        let touched = reconciler.views.apply(upserts, []);
        reconciler.change(touched).await;
        let used: Vec<_> = reconciler.desired.state()[&key(1)]
            .pool
            .backends
            .iter()
            .map(|b| b.endpoint)
            .collect();
        let allowed: Vec<_> = allowed.iter().map(|number| uid(*number)).collect();
        assert_eq!(used, allowed, "{what}");
        let told: Vec<_> = reconciler
            .rejected()
            .into_iter()
            .map(|(key, reason)| (key.kind, key.uid, reason.code))
            .collect();
        let refused = all
            .iter()
            .map(|(_, number, _)| uid(*number))
            .filter(|uid| !allowed.contains(uid));
        let expected: Vec<_> = refused
            .map(|uid| (ViewKind::Endpoint, uid, "INVALID_OBJECT"))
            .collect();
        assert_eq!(told, expected, "{what}");
    }
}
