//! A14: from every state that a Service can have to everything that can be asked: type, headless, families, policy.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::thread;

use portolan_proto::v1;
use tonic::Status;
use v1::{IpFamilyPolicy, ServiceSpec, ServiceType, TrafficPolicy};

use crate::cluster::{Cluster, V4, V6, node_ports, spec_of};
use crate::life_cycle::usage;
use crate::specs::{
    PREFER, REQUIRE, SINGLE, alias, cluster_ip, headless, load_balancer, local_balancer, node_port,
    with, with_families, with_policy,
};
use crate::stores::ControlPlane;

on_every_store!(a14_every_combination_is_decided_alike_and_a_refusal_changes_nothing);

/// States that are left at once: writes of a group are committed together.
const WALKERS: usize = 16;

/// Every type, families and policy.
fn combinations() -> Vec<ServiceSpec> {
    let types = [
        cluster_ip(),
        headless(),
        with(headless(), |s| s.selector.clear()),
        node_port(),
        load_balancer(),
        local_balancer(),
        with(load_balancer(), |s| {
            s.allocate_load_balancer_node_ports = Some(false);
        }),
        alias(),
    ];
    let families: [&[u8]; 5] = [&[], &[4], &[6], &[4, 6], &[6, 4]];
    let policies = [IpFamilyPolicy::Unspecified, SINGLE, PREFER, REQUIRE];
    let mut all = Vec::new();
    for spec in &types {
        for order in families {
            for policy in policies {
                // An alias with families is refused whatever there is: once is enough.
                let is_alias = spec.r#type() == ServiceType::ExternalName;
                if !is_alias || order.len() + usize::from(policy != SINGLE) < 2 {
                    all.push(with_policy(with_families(spec.clone(), order), policy));
                }
            }
        }
    }
    all
}

/// A specification but for what was picked.
fn unpicked(spec: &ServiceSpec) -> ServiceSpec {
    with(spec.clone(), |s| {
        s.cluster_ips.retain(|ip| ip == "None");
        s.ports.iter_mut().for_each(|port| port.node_port = 0);
        s.health_check_node_port = 0;
    })
}

fn a14_every_combination_is_decided_alike_and_a_refusal_changes_nothing(
    plane: &'static ControlPlane,
) {
    for ranges in [&[V4][..], &[V4, V6]] {
        let cluster = plane.cluster(ranges);
        let all = combinations();
        let states = states(&cluster, &all);
        assert_eq!(usage(&cluster), (0, 0), "nothing is left");
        let queue = Mutex::new(states.iter().enumerate().collect::<VecDeque<_>>());
        let next = || queue.lock().expect("nobody panicked").pop_front();
        let done = thread::scope(|scope| {
            let walk = || {
                let mut counts = [0, 0];
                while let Some((i, from)) = next() {
                    let walked = leave(&cluster, &format!("web-{i}"), from, &all);
                    counts = [counts[0] + walked[0], counts[1] + walked[1]];
                }
                counts
            };
            let walkers: Vec<_> = (0..WALKERS).map(|_| scope.spawn(walk)).collect();
            let walked = walkers.into_iter().map(|w| w.join().expect("it walks"));
            walked.fold([0, 0], |sum, more| [sum[0] + more[0], sum[1] + more[1]])
        });
        assert_eq!(done[0] + done[1], states.len() * all.len(), "every pair");
        assert!(done.iter().all(|n| *n > states.len()), "{done:?}");
        assert_eq!(usage(&cluster), (0, 0), "nothing is left");
    }
}

/// The states that creations lead to, each with one that does.
fn states(cluster: &Cluster, all: &[ServiceSpec]) -> Vec<ServiceSpec> {
    let mut states = BTreeMap::new();
    for spec in all {
        let rehearsed = cluster.create_with("web", spec.clone(), |r| r.validate_only = true);
        let done = cluster.create("web", spec.clone());
        assert_same(spec, &rehearsed, &done);
        if let Ok(service) = done {
            let state = format!("{:?}", unpicked(&spec_of(service)));
            states.entry(state).or_insert_with(|| spec.clone());
            cluster.delete("web").expect("it goes");
        }
    }
    assert!(states.len() > 10, "{}", states.len());
    states.into_values().collect()
}

/// From one state to everything: how many writes were done, and how many refused.
fn leave(cluster: &Cluster, name: &str, from: &ServiceSpec, all: &[ServiceSpec]) -> [usize; 2] {
    let mut held = cluster.created(name, from.clone());
    let rehearse =
        |to: &ServiceSpec| cluster.update(name, &["*"], to.clone(), |r| r.validate_only = true);
    let rehearsed: Vec<_> = all.iter().map(|to| (to, rehearse(to))).collect();
    assert_eq!(cluster.spec(name), held, "a rehearsal changes nothing");
    let (done, refused): (Vec<_>, Vec<_>) = rehearsed.into_iter().partition(|(_, r)| r.is_ok());
    for (to, rehearsed) in &refused {
        assert_same(to, rehearsed, &cluster.put(name, (*to).clone()));
    }
    assert_eq!(cluster.spec(name), held, "a refusal changes nothing");
    for (to, rehearsed) in &done {
        let answer = cluster.put(name, (*to).clone());
        assert_same(to, rehearsed, &answer);
        let after = spec_of(answer.expect("it was rehearsed"));
        assert_whole(&held, to, &after);
        // What changed nothing needs no way back.
        if after != held {
            cluster.delete(name).expect("it goes");
            held = cluster.created(name, from.clone());
        }
    }
    cluster.delete(name).expect("it goes");
    [done.len(), refused.len()]
}

/// It has what its type needs, and nothing else.
fn assert_whole(before: &ServiceSpec, asked: &ServiceSpec, after: &ServiceSpec) {
    let row = format!("{before:?} to {asked:?}: {after:?}");
    let kind = after.r#type();
    assert_eq!(kind, asked.r#type(), "{row}");
    let is_headless = after.cluster_ips == ["None"];
    let addresses = if is_headless {
        0
    } else {
        after.cluster_ips.len()
    };
    let families = match kind {
        ServiceType::ExternalName => 0,
        _ if is_headless => 0,
        _ => after.ip_families.len(),
    };
    assert_eq!(addresses, families, "{row}");
    let is_two = after.ip_families.len() == 2;
    assert!(after.ip_family_policy() != SINGLE || !is_two, "{row}");
    let is_external = matches!(kind, ServiceType::NodePort | ServiceType::LoadBalancer);
    let has = node_ports(after).iter().any(|port| *port != 0);
    // A load balancer that picks none keeps what it had, or gives it up.
    let may_lack =
        kind == ServiceType::LoadBalancer && after.allocate_load_balancer_node_ports != Some(true);
    assert!(has == is_external || may_lack, "{row}");
    let is_local = after.external_traffic_policy() == TrafficPolicy::Local;
    let needs = kind == ServiceType::LoadBalancer && is_local;
    assert_eq!(after.health_check_node_port != 0, needs, "{row}");
}

fn assert_same(
    spec: &ServiceSpec,
    rehearsed: &Result<v1::Service, Status>,
    done: &Result<v1::Service, Status>,
) {
    let code = |answer: &Result<_, Status>| {
        let refused = answer.as_ref().err();
        refused.map(|s| (s.code(), s.message().to_owned()))
    };
    assert_eq!(code(rehearsed), code(done), "{spec:?}");
}
