use proptest::prelude::*;

use super::*;
use crate::Views;
use crate::fixtures::{any_views, name};

fn state() -> impl Strategy<Value = NodeState> {
    any_views().prop_map(|set| {
        let mut views = Views::default();
        views.apply(set, []);
        views.desired_all(&name("node-1"))
    })
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    let families = prop::sample::subsequence(vec![Family::V4, Family::V6], 1..=2);
    let all = vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    let protocols = prop::sample::subsequence(all, 1..=3);
    (families, protocols, any::<[bool; 4]>()).prop_map(|(families, protocols, flags)| {
        let [affinity, source_ranges, drop, inside] = flags;
        Capabilities {
            kind: "test",
            families: families.into_iter().collect(),
            protocols: protocols.into_iter().collect(),
            affinity,
            source_ranges,
            drop,
            inside,
            preserves_source: true,
            guard: true,
            persistent: true,
        }
    })
}

fn carry_out(plan: &Plan, mut observed: NodeState) -> NodeState {
    observed.extend(plan.put.iter().cloned());
    observed.retain(|key, _| !plan.remove.contains(key));
    observed
}

/// What is desired and within reach, as it will be observed.
fn reachable(desired: &NodeState, plan: &Plan, can: &Capabilities) -> NodeState {
    let refused = |key: &FrontendKey| plan.unsupported.iter().any(|r| r.key == *key);
    let within = desired.iter().filter(|(key, _)| !refused(key));
    within
        .map(|(key, frontend)| (*key, carried(frontend, can)))
        .collect()
}

proptest! {
    #[test]
    fn a_plan_leads_to_what_is_desired(desired in state(), observed in state(), can in capabilities()) {
        let plan = plan(&desired, &observed, &can);
        prop_assert_eq!(carry_out(&plan, observed), reachable(&desired, &plan, &can));
    }

    #[test]
    fn once_carried_out_there_is_nothing_left_to_do(
        desired in state(), observed in state(), can in capabilities()
    ) {
        let first = plan(&desired, &observed, &can);
        let second = plan(&desired, &carry_out(&first, observed), &can);
        prop_assert!(second.is_empty());
        prop_assert_eq!(first.unsupported, second.unsupported);
    }

    #[test]
    fn what_is_put_is_never_removed(desired in state(), observed in state(), can in capabilities()) {
        let plan = plan(&desired, &observed, &can);
        prop_assert!(plan.put.iter().all(|(key, _)| !plan.remove.contains(key)));
    }

    #[test]
    fn planning_every_key_is_the_whole_plan(
        desired in state(), observed in state(), can in capabilities()
    ) {
        let keys = desired.keys().chain(observed.keys()).copied().collect();
        let whole = plan(&desired, &observed, &can);
        let mut by_key = plan_keys(&keys, &desired, &observed, &can);
        let mut remove = whole.remove.clone();
        remove.sort_unstable();
        by_key.remove.sort_unstable();
        prop_assert_eq!(by_key, Plan { remove, ..whole });
    }
}

fn everything() -> Capabilities {
    Capabilities {
        protocols: [Protocol::Tcp, Protocol::Udp].into(),
        ..Capabilities::everything("test")
    }
}

/// A frontend that needs all there is.
fn demanding() -> Frontend {
    Frontend {
        service: crate::ServiceRef {
            uid: crate::fixtures::uid(1),
            namespace: name("default"),
            name: name("web"),
            port: String::new(),
        },
        reach: portolan_model::view::Reach::Internal,
        pool: Pool {
            backends: Vec::new(),
            when_empty: WhenEmpty::Reject,
        },
        inside: None,
        affinity_seconds: 1,
        source_ranges: vec!["192.0.2.0/24".parse().unwrap()],
    }
}

#[test]
fn what_a_dataplane_lacks_is_listed_with_its_remedy() {
    let (tcp, sctp) = (Protocol::Tcp, Protocol::Sctp);
    let rows: [(_, fn(&mut Capabilities), _, _); 5] = [
        ("nothing", |_| {}, tcp, None),
        (
            "family",
            |can| can.families = [Family::V4].into(),
            tcp,
            Some("ipFamilies"),
        ),
        ("protocol", |_| {}, sctp, Some("TCP, UDP")),
        (
            "affinity",
            |can| can.affinity = false,
            tcp,
            Some("sessionAffinity: None"),
        ),
        (
            "ranges",
            |can| can.source_ranges = false,
            tcp,
            Some("loadBalancerSourceRanges"),
        ),
    ];
    for (row, take_away, protocol, want) in rows {
        let mut can = everything();
        take_away(&mut can);
        let key = FrontendKey {
            address: "2001:db8::1".parse().unwrap(),
            port: 80,
            protocol,
        };
        let desired = NodeState::from([(key, demanding().into())]);
        let plan = plan(&desired, &desired, &can);
        let removed: Vec<_> = want.map(|_| key).into_iter().collect();
        assert_eq!(
            plan.remove, removed,
            "{row}: the version it did program goes"
        );
        let listed: Vec<_> = plan.unsupported.iter().map(|r| r.code).collect();
        let codes: Vec<_> = want
            .map(|_| RejectionCode::UnsupportedFeature)
            .into_iter()
            .collect();
        assert_eq!(listed, codes, "{row}");
        let says = |remedy| plan.unsupported[0].message.contains(remedy);
        assert!(want.is_none_or(says), "{row}: {:?}", plan.unsupported);
    }
}
