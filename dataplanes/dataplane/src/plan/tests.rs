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
        .map(|(key, frontend)| (*key, carried(frontend, can).into_owned()))
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

#[test]
fn what_a_dataplane_lacks_is_listed_with_its_remedy() {
    let all = Capabilities {
        kind: "test",
        families: [Family::V4, Family::V6].into(),
        protocols: [Protocol::Tcp, Protocol::Udp].into(),
        affinity: true,
        source_ranges: true,
        drop: true,
        inside: true,
    };
    let mut frontend = frontend();
    frontend.affinity_seconds = 1;
    frontend.source_ranges = vec!["192.0.2.0/24".parse().unwrap()];
    let no_v6 = Capabilities {
        families: [Family::V4].into(),
        ..all.clone()
    };
    let no_affinity = Capabilities {
        affinity: false,
        ..all.clone()
    };
    let no_ranges = Capabilities {
        source_ranges: false,
        ..all.clone()
    };
    for (row, can, protocol, want) in [
        ("everything", &all, Protocol::Tcp, None),
        ("family", &no_v6, Protocol::Tcp, Some("ipFamilies")),
        ("protocol", &all, Protocol::Sctp, Some("TCP, UDP")),
        (
            "affinity",
            &no_affinity,
            Protocol::Tcp,
            Some("sessionAffinity: None"),
        ),
        (
            "ranges",
            &no_ranges,
            Protocol::Tcp,
            Some("loadBalancerSourceRanges"),
        ),
    ] {
        let key = FrontendKey {
            address: "2001:db8::1".parse().unwrap(),
            port: 80,
            protocol,
        };
        let desired = NodeState::from([(key, frontend.clone())]);
        let plan = plan(&desired, &desired, can);
        let Some(remedy) = want else {
            assert_eq!(plan, Plan::default(), "{row}");
            continue;
        };
        assert_eq!(plan.unsupported.len(), 1, "{row}");
        let rejected = &plan.unsupported[0];
        assert_eq!(rejected.code, RejectionCode::UnsupportedFeature, "{row}");
        assert!(
            rejected.message.contains(remedy),
            "{row}: {}",
            rejected.message
        );
        assert_eq!(plan.remove, [key], "{row}: the version it did program goes");
    }
}

fn frontend() -> Frontend {
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
        affinity_seconds: 0,
        source_ranges: Vec::new(),
    }
}
