//! Operations that mean something: they are drawn while looking at the state, so that they often hit what is there.

use std::net::IpAddr;

use ipnet::IpNet;
use portolan_allocator::{
    Action, ClaimsAction, ClusterAction, Context, Delete, EndpointAction, EndpointParams,
    NamespaceAction, NewCluster, NewService, NodeAction, Operation, Params, Preconditions,
    ReadinessItem, ReadinessReport, Remedy, ServiceAction, ServiceCidrAction, Write, audit,
};
use portolan_model::{
    Claim, ClaimState, ClusterSpec, EndpointPort, Family, Labels, Name, NamespaceSpec, NodeSpec,
    PortRange, Probe, ProbeAction, ProbePort, Protocol, Quota, Scoped, State, Uid, WorkloadPort,
    WorkloadSpec,
};
use uuid::Uuid;

use super::copied::{Copied, Fields, Mode, some};
use super::draw::Draw;
use super::specs::{label, service};

/// Overlapping, nested, and too small for anything; the /26 and the /122 have static bands.
const RANGES: [&[&str]; 10] = [
    &["10.0.0.0/29"],
    &["10.0.0.0/28", "fd00::/125"],
    &["10.0.0.0/28"],
    &["10.0.0.8/29"],
    &["fd00::/124"],
    &["10.0.0.0/27", "fd00::/123"],
    &["10.0.0.0/30"],
    &["10.0.0.0/26"],
    &["fd00::/122"],
    &["10.0.0.16/31"],
];
const NODE_PORTS: [(u16, u16); 5] = [
    (30_000, 30_005),
    (30_000, 30_019),
    (30_000, 30_001),
    (30_003, 30_009),
    (30_005, 30_004),
];
const SERVICES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];
const NAMESPACES: [&str; 5] = ["default", "default", "default", "shop", "lab"];
const WORKLOADS: [&str; 4] = ["w0", "w1", "w2", "w3"];
const NODES: [&str; 2] = ["n0", "n1"];

/// What is asked next.
pub(crate) fn operation(draw: &mut Draw<'_>, state: &State) -> Operation {
    let request = draw.maybe(8, |draw| draw.below(40));
    let action = action(draw, state);
    let context = Context {
        principal: "histories".to_owned(),
        method: "Test",
        request_id: request.map(|n| Uuid::from_u128(u128::from(n) + 1)),
        body_hash: format!("{action:?}"),
        ..Context::default()
    };
    Operation { action, context }
}

fn action(draw: &mut Draw<'_>, state: &State) -> Action {
    if state.cluster().is_none() {
        return new_cluster(draw);
    }
    match draw.below(64) {
        0..20 => put_service(draw, state),
        20..28 => delete_service(draw, state),
        28..31 => several_services(draw),
        31..36 => put_workload(draw, state),
        36..38 => Action::Workload(Write::Delete {
            key: scoped(draw, &WORKLOADS),
            delete: delete(draw, Uid::from_random(1)),
        }),
        38..41 => report(draw, state),
        41..43 => endpoints(draw),
        43 => delete_endpoint(draw, state),
        44..47 => node(draw, state),
        47 => Action::Node(NodeAction::Delete {
            name: name(draw.one(&NODES)),
            delete: delete(draw, Uid::from_random(1)),
        }),
        48..52 => release(draw, state),
        52..55 => put_namespace(draw, state),
        55 => Action::Namespace(NamespaceAction::Delete {
            name: name(draw.one(&NAMESPACES)),
            force: draw.once_in(2),
            delete: delete(draw, Uid::from_random(1)),
        }),
        56..58 => Action::ServiceCidr(ServiceCidrAction::Create {
            name: range_name(draw),
            cidrs: ranges(draw),
        }),
        58 => Action::ServiceCidr(ServiceCidrAction::Delete {
            name: range_name(draw),
            drain: draw.once_in(2),
            delete: delete(draw, Uid::from_random(1)),
        }),
        59 => Action::ServiceCidr(ServiceCidrAction::RemoveDrained {
            names: state.service_cidrs().map(|s| s.meta.name.clone()).collect(),
        }),
        60..62 => update_cluster(draw, state),
        62 => repair(state),
        _ => rare(draw, state),
    }
}

fn rare(draw: &mut Draw<'_>, state: &State) -> Action {
    match draw.below(4) {
        0 => Action::Cluster(ClusterAction::Delete {
            force: draw.once_in(2),
            preconditions: Preconditions::default(),
        }),
        1 => new_cluster(draw),
        2 => Action::Node(NodeAction::Register {
            name: name(draw.one(&NODES)),
            spec: node_spec(draw),
        }),
        _ => repair(state),
    }
}

fn new_cluster(draw: &mut Draw<'_>) -> Action {
    let cidrs = ranges(draw);
    let spec = ClusterSpec {
        families: cidrs.iter().map(Family::of_net).collect(),
        ..cluster_spec(draw)
    };
    let name = name("prod");
    let new = NewCluster { name, spec, cidrs };
    Action::Cluster(if draw.once_in(2) {
        ClusterAction::Bootstrap(new)
    } else {
        ClusterAction::Create(new)
    })
}

fn cluster_spec(draw: &mut Draw<'_>) -> ClusterSpec {
    let (first, last) = draw.one(&NODE_PORTS);
    let families: [&[Family]; 4] = [
        &[Family::V4, Family::V6],
        &[Family::V4],
        &[Family::V6],
        &[Family::V6, Family::V4],
    ];
    ClusterSpec {
        node_ports: PortRange { first, last },
        dns_domain: "cluster.local".to_owned(),
        families: draw.one(&families).to_vec(),
        endpoint_ranges: Vec::new(),
        workload_ranges: Vec::new(),
    }
}

fn update_cluster(draw: &mut Draw<'_>, state: &State) -> Action {
    let etag = state.cluster().map(|c| c.meta.etag(&c.spec));
    let sent = Params {
        labels: Labels::new(),
        annotations: Labels::new(),
        spec: cluster_spec(draw),
    };
    let fields = some(draw, 2, ClusterSpec::ALL.len());
    let preconditions = Preconditions {
        etag: if draw.once_in(3) { etag } else { None },
        expected_uid: draw.maybe(12, |_| Uid::from_random(1)),
    };
    let update = Copied { sent, fields }.update(preconditions);
    Action::Cluster(ClusterAction::Update(update))
}

fn ranges(draw: &mut Draw<'_>) -> Vec<IpNet> {
    let cidrs = draw.one(&RANGES).iter();
    cidrs.map(|cidr| cidr.parse().expect("a range")).collect()
}

fn range_name(draw: &mut Draw<'_>) -> Name {
    name(draw.one(&["r0", "r1", "default"]))
}

fn put_service(draw: &mut Draw<'_>, state: &State) -> Action {
    let key = scoped(draw, &SERVICES);
    let present = state.service(&key);
    let etag = present.map(|s| s.meta.etag(&s.spec));
    let mode = put_mode(draw, etag, present.map(|s| s.meta.uid));
    let put = service(draw).put(mode);
    Action::Service(ServiceAction::Put { key, put })
}

fn several_services(draw: &mut Draw<'_>) -> Action {
    let count = 2 + usize::from(draw.below(3));
    let first = usize::from(draw.below(6));
    let one = |i: usize| NewService {
        key: scoped(draw, &SERVICES[(first + i) % SERVICES.len()..][..1]),
        params: service(draw).sent,
    };
    Action::Service(ServiceAction::CreateAll((0..count).map(one).collect()))
}

fn delete_service(draw: &mut Draw<'_>, state: &State) -> Action {
    let key = scoped(draw, &SERVICES);
    let uid = state.service(&key).map(|s| s.meta.uid);
    let delete = delete(draw, uid.unwrap_or_else(|| Uid::from_random(1)));
    Action::Service(ServiceAction::Delete { key, delete })
}

fn put_workload(draw: &mut Draw<'_>, state: &State) -> Action {
    let key = scoped(draw, &WORKLOADS);
    let present = state.workload(&key);
    let etag = present.map(|w| w.meta.etag(&w.spec));
    let mode = put_mode(draw, etag, present.map(|w| w.meta.uid));
    let probe = Probe {
        action: ProbeAction::TcpConnect {
            port: ProbePort::Number(80),
        },
        initial_delay_seconds: 0,
        period_seconds: 1 + u32::from(draw.once_in(4)),
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
    };
    let v4 = backend_ip(draw);
    let v6: IpAddr = [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(draw.below(4))].into();
    let addresses = draw.one(&[vec![v4], vec![v4, v6], vec![v6], Vec::new()]);
    let spec = WorkloadSpec {
        addresses,
        node: draw.maybe(2, |draw| name(draw.one(&NODES))),
        ports: vec![WorkloadPort {
            name: "web".to_owned(),
            port: 8000 + u16::from(draw.below(2)),
            protocol: Protocol::Tcp,
        }],
        probe: draw.once_in(3).then_some(probe),
        hostname: None,
        subdomain: None,
        draining: draw.once_in(6),
        reported_ready: draw.maybe(4, |draw| draw.once_in(2)),
    };
    let sent = Params {
        labels: label(draw),
        annotations: Labels::new(),
        spec,
    };
    let put = Copied::drawn(draw, sent).put(mode);
    Action::Workload(Write::Put { key, put })
}

/// Of a backend; now and then in a range for virtual addresses, where none may be.
fn backend_ip(draw: &mut Draw<'_>) -> IpAddr {
    let last = draw.below(6);
    if draw.once_in(10) {
        [10, 0, 0, last].into()
    } else {
        [192, 0, 2, last].into()
    }
}

fn report(draw: &mut Draw<'_>, state: &State) -> Action {
    let node = name(draw.one(&NODES));
    let known = state.node(&node);
    let session = known.map_or(0, |n| n.session) + u64::from(draw.once_in(2));
    let session = session.saturating_sub(u64::from(draw.once_in(8)));
    let workloads = state.workloads_after(None, None);
    let item = |w: &std::sync::Arc<portolan_model::Workload>| ReadinessItem {
        workload: w.meta.uid,
        probe_generation: w.probe_generation - u64::from(draw.once_in(8)),
        serving: draw.once_in(2),
        reason: "refused".to_owned(),
    };
    let report = ReadinessReport {
        items: workloads.map(item).collect(),
        node_uid: known.map_or_else(|| Uid::from_random(1), |n| n.meta.uid),
        node,
        session,
        seq: state.revision().0,
        full: true,
    };
    Action::Node(NodeAction::ReportReadiness(report))
}

fn endpoints(draw: &mut Draw<'_>) -> Action {
    let endpoint = |draw: &mut Draw<'_>| EndpointParams {
        address: backend_ip(draw),
        ports: vec![EndpointPort {
            service_port: String::new(),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        node: None,
        zone: String::new(),
        hostname: None,
        ready: !draw.once_in(4),
        serving: true,
        terminating: false,
        weight: 1,
    };
    let count = draw.below(3);
    Action::Endpoint(EndpointAction::Replace {
        service: scoped(draw, &SERVICES),
        source: draw.one(&["hand", "tool"]).to_owned(),
        endpoints: (0..count).map(|_| endpoint(draw)).collect(),
    })
}

fn delete_endpoint(draw: &mut Draw<'_>, state: &State) -> Action {
    let keys = state.endpoints_after(None, None).map(|e| e.key()).collect();
    let key = draw.any(keys);
    Action::Endpoint(EndpointAction::Delete {
        key: key.unwrap_or_else(|| scoped(draw, &["none"])),
        delete: delete(draw, Uid::from_random(1)),
    })
}

fn node(draw: &mut Draw<'_>, state: &State) -> Action {
    let name = name(draw.one(&NODES));
    let present = state.node(&name);
    let etag = present.map(|n| n.meta.etag(&n.spec));
    let mode = put_mode(draw, etag, present.map(|n| n.meta.uid));
    let sent = Params {
        labels: label(draw),
        annotations: Labels::new(),
        spec: node_spec(draw),
    };
    let put = Copied::drawn(draw, sent).put(mode);
    Action::Node(NodeAction::Put { name, put })
}

fn node_spec(draw: &mut Draw<'_>) -> NodeSpec {
    NodeSpec {
        addresses: vec![[198, 51, 100, draw.below(2)].into()],
        zone: draw.one(&["a", "b"]).to_owned(),
        ..NodeSpec::default()
    }
}

/// Some of what waits, now and then with a revision that is not the one it waits for.
fn release(draw: &mut Draw<'_>, state: &State) -> Action {
    let since = |claim: Claim<'_>| match claim.state {
        ClaimState::Quarantined { released_in, .. } if !draw.once_in(3) => {
            let mut since = *released_in;
            since.0 -= u64::from(draw.once_in(8));
            Some((claim.claimed, since))
        }
        _ => None,
    };
    let addresses = state
        .quarantined_addresses()
        .map(|c| Claim::from(c.as_ref()));
    let ports = state.quarantined_ports().map(|c| Claim::from(c.as_ref()));
    Action::Claims(ClaimsAction::Release {
        claims: addresses.chain(ports).filter_map(since).collect(),
    })
}

fn put_namespace(draw: &mut Draw<'_>, state: &State) -> Action {
    let name = name(draw.one(&["default", "shop", "lab"]));
    let present = state.namespace(&name);
    let etag = present.map(|n| n.meta.etag(&n.spec));
    let mode = put_mode(draw, etag, present.map(|n| n.meta.uid));
    let grant = || vec!["192.0.2.0/30".parse().expect("a range")];
    let mut limit = || draw.maybe(2, |draw| u32::from(draw.below(5)));
    let quota = Quota {
        services: limit(),
        node_ports: limit(),
        load_balancers: limit(),
        endpoints: limit(),
    };
    let spec = NamespaceSpec {
        quota,
        endpoint_ranges: draw.once_in(4).then(grant).unwrap_or_default(),
    };
    let sent = Params {
        labels: label(draw),
        annotations: Labels::new(),
        spec,
    };
    let fields = some(draw, 2, NamespaceSpec::ALL.len());
    let put = Copied { sent, fields }.put(mode);
    Action::Namespace(NamespaceAction::Put { name, put })
}

/// Everything without an owner may go. There is nothing, unless somebody made a mistake.
fn repair(state: &State) -> Action {
    let findings = audit(state);
    let orphans = findings.iter().filter_map(|finding| match finding.remedy {
        Remedy::Release(owner) => Some((finding.claimed, owner)),
        Remedy::People | Remedy::Claim(_) => None,
    });
    Action::Claims(ClaimsAction::Repair {
        orphans: orphans.collect(),
    })
}

fn put_mode(draw: &mut Draw<'_>, etag: Option<String>, uid: Option<Uid>) -> Mode {
    if draw.once_in(3) {
        return Mode::Create;
    }
    let stale = || "\"stale\"".to_owned();
    Mode::Update {
        allow_missing: !draw.once_in(6),
        preconditions: Preconditions {
            etag: draw.maybe(8, |draw| {
                etag.filter(|_| !draw.once_in(3)).unwrap_or_else(stale)
            }),
            expected_uid: draw.maybe(10, |draw| {
                uid.filter(|_| !draw.once_in(3))
                    .unwrap_or_else(|| Uid::from_random(1))
            }),
        },
    }
}

fn delete(draw: &mut Draw<'_>, uid: Uid) -> Delete {
    Delete {
        allow_missing: draw.once_in(4),
        preconditions: Preconditions {
            etag: draw.maybe(16, |_| "\"stale\"".to_owned()),
            expected_uid: draw.maybe(8, |_| uid),
        },
    }
}

fn scoped(draw: &mut Draw<'_>, names: &[&str]) -> Scoped {
    let namespace = draw.one(&NAMESPACES);
    Scoped::new(name(namespace), name(draw.one(names)))
}

fn name(text: &str) -> Name {
    Name::label(text).expect("a name")
}
