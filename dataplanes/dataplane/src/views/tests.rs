use portolan_model::view::{Reach, View};
use portolan_model::{Protocol, TrafficPolicy};
use proptest::prelude::*;

use super::*;
use crate::Desired;
use crate::fixtures::*;

type Set = Vec<(ViewKey, View)>;

fn holding(views: &Set) -> Views {
    let mut held = Views::default();
    held.apply(views.clone(), []);
    held
}

fn key(address: &str, port: u16) -> FrontendKey {
    FrontendKey {
        address: ip(address),
        port,
        protocol: Protocol::Tcp,
    }
}

fn chosen(pool: &Pool) -> Vec<String> {
    let address = |b: &Backend| b.socket_addr().to_string();
    pool.backends.iter().map(address).collect()
}

/// Endpoint 11 on node-1 in zone a, 12 on node-2 in zone a, 13 on node-3 in zone b.
fn three_endpoints(change: impl Fn(u8, &mut EndpointView)) -> Set {
    let mut set = vec![
        node(1, "a", &["192.0.2.1", "2001:db8::1"]),
        node(2, "a", &["192.0.2.2"]),
    ];
    for (number, on) in [
        (11, ("node-1", "a")),
        (12, ("node-2", "a")),
        (13, ("node-3", "b")),
    ] {
        let mut view = endpoint(1, &format!("10.0.0.{number}"), on);
        change(number, &mut view);
        set.push(at(number, view));
    }
    set
}

/// Who is chosen on node-1 for service 1 with this frontend.
fn chosen_on_node_1(frontend: FrontendView, change: impl Fn(u8, &mut EndpointView)) -> Vec<String> {
    let mut set = three_endpoints(change);
    set.push(service(1, vec![frontend]));
    let state = holding(&set).desired_all(&name("node-1"));
    chosen(&state[&key("10.96.0.1", 80)].pool)
}

fn addresses_of(numbers: &[u8]) -> Vec<String> {
    let address = |number| format!("10.0.0.{number}:8080");
    numbers.iter().map(address).collect()
}

fn hint_node(view: &mut EndpointView) {
    view.node_hints = view.node.clone().into_iter().collect();
}

fn hint_zone(view: &mut EndpointView) {
    view.zone_hints = vec![view.zone.clone()];
}

type Change = fn(u8, &mut EndpointView);

#[test]
fn a_node_chooses_by_policy() {
    let rows: [(_, _, Change, &[u8]); 5] = [
        (
            "cluster takes all",
            TrafficPolicy::Cluster,
            |_, _| {},
            &[11, 12, 13],
        ),
        (
            "cluster needs the flag",
            TrafficPolicy::Cluster,
            |n, v| v.ports[0].cluster = n > 11,
            &[12, 13],
        ),
        (
            "local takes this node's",
            TrafficPolicy::Local,
            |_, _| {},
            &[11],
        ),
        (
            "local needs the flag",
            TrafficPolicy::Local,
            |_, v| v.ports[0].local = false,
            &[],
        ),
        (
            "local ignores hints",
            TrafficPolicy::Local,
            |_, v| v.node_hints = vec![name("node-2")],
            &[11],
        ),
    ];
    for (row, policy, change, want) in rows {
        let frontend = FrontendView {
            policy,
            node_hints_valid: policy == TrafficPolicy::Local,
            ..cluster_ip(1)
        };
        assert_eq!(
            chosen_on_node_1(frontend, change),
            addresses_of(want),
            "{row}"
        );
    }
}

#[test]
fn a_cluster_policy_prefers_hints() {
    let both: Change = |_, view| {
        hint_node(view);
        hint_zone(view);
    };
    let unusable: Change = |number, view| {
        hint_node(view);
        hint_zone(view);
        view.ports[0].cluster = number != 11;
    };
    let rows: [(_, _, Change, &[u8]); 6] = [
        ("own node first", [true, true], both, &[11]),
        (
            "own zone without valid node hints",
            [false, true],
            both,
            &[11, 12],
        ),
        (
            "own zone without own node",
            [true, true],
            |_, v| hint_zone(v),
            &[11, 12],
        ),
        (
            "own zone if own node is unusable",
            [true, true],
            unusable,
            &[12],
        ),
        (
            "all without a match",
            [true, true],
            |_, v| v.zone_hints = vec!["c".into()],
            &[11, 12, 13],
        ),
        (
            "all without valid hints",
            [false, false],
            both,
            &[11, 12, 13],
        ),
    ];
    for (row, [node_hints_valid, zone_hints_valid], change, want) in rows {
        let frontend = FrontendView {
            node_hints_valid,
            zone_hints_valid,
            ..cluster_ip(1)
        };
        assert_eq!(
            chosen_on_node_1(frontend, change),
            addresses_of(want),
            "{row}"
        );
    }
}

#[test]
fn external_local_keeps_the_cluster_list_for_sources_inside() {
    for (row, reach, policy, inside) in [
        (
            "external local",
            Reach::External,
            TrafficPolicy::Local,
            true,
        ),
        (
            "external cluster",
            Reach::External,
            TrafficPolicy::Cluster,
            false,
        ),
        (
            "internal local",
            Reach::Internal,
            TrafficPolicy::Local,
            false,
        ),
    ] {
        let mut set = three_endpoints(|_, _| {});
        let frontend = FrontendView {
            reach,
            policy,
            when_empty: WhenEmpty::Drop,
            ..cluster_ip(1)
        };
        set.push(service(1, vec![frontend]));
        let state = holding(&set).desired_all(&name("node-1"));
        let frontend = &state[&key("10.96.0.1", 80)];
        assert_eq!(frontend.pool.when_empty, WhenEmpty::Drop, "{row}");
        let got = frontend.inside.as_ref();
        assert_eq!(
            got.map(|pool| pool.backends.len()),
            inside.then_some(3),
            "{row}"
        );
        assert_eq!(
            got.map(|pool| pool.when_empty),
            inside.then_some(WhenEmpty::Reject),
            "{row}"
        );
    }
}

#[test]
fn node_ports_are_expanded_over_the_own_addresses_of_their_family() {
    let both = [Family::V4, Family::V6].map(|f| node_port(f, TrafficPolicy::Cluster));
    let mut set = three_endpoints(|_, _| {});
    set.push(at(14, endpoint(1, "fd01::14", ("node-1", "a"))));
    set.push(service(1, both.to_vec()));
    let views = holding(&set);
    for (row, node, want) in [
        (
            "both families",
            "node-1",
            &[("192.0.2.1", 3), ("2001:db8::1", 1)][..],
        ),
        ("one family", "node-2", &[("192.0.2.2", 3)]),
        ("an unknown node has no addresses", "node-9", &[]),
    ] {
        let state = views.desired_all(&name(node));
        let got: Vec<_> = state
            .iter()
            .map(|(k, f)| (*k, f.pool.backends.len()))
            .collect();
        let want: Vec<_> = want.iter().map(|(a, n)| (key(a, 30_080), *n)).collect();
        assert_eq!(got, want, "{row}");
    }
}

#[test]
fn endpoints_outside_the_ranges_or_at_virtual_addresses_are_left_out() {
    for (row, config, want) in [
        ("no cluster yet", None, 3),
        ("default ranges", Some(cluster(&["10.96.0.0/16"], &[])), 3),
        (
            "one range",
            Some(cluster(&["10.96.0.0/16"], &["10.0.0.12/31"])),
            2,
        ),
        (
            "a virtual address",
            Some(cluster(&["10.0.0.11/32"], &[])),
            2,
        ),
    ] {
        let mut set = three_endpoints(|_, _| {});
        set.extend(config);
        set.push(service(1, vec![cluster_ip(1)]));
        let state = holding(&set).desired_all(&name("node-1"));
        assert_eq!(
            state[&key("10.96.0.1", 80)].pool.backends.len(),
            want,
            "{row}"
        );
    }
}

#[test]
fn ports_match_by_the_name_of_the_services_port() {
    let mut set = three_endpoints(|number, view| {
        if number == 12 {
            "metrics".clone_into(&mut view.ports[0].service_port);
        }
    });
    set.push(service(1, vec![cluster_ip(1)]));
    let state = holding(&set).desired_all(&name("node-1"));
    let got = chosen(&state[&key("10.96.0.1", 80)].pool);
    assert_eq!(got, ["10.0.0.11:8080", "10.0.0.13:8080"]);
}

#[test]
fn the_lower_uid_wins_a_key_and_the_other_inherits_it() {
    let node = name("node-1");
    let mut views = Views::default();
    let mut desired = Desired::new();
    let mut holder = |upserts: Set, removed: Vec<ViewKey>| {
        let touched = views.apply(upserts, removed);
        desired.refresh(&views, &node, &touched);
        assert_eq!(*desired.state(), views.desired_all(&node));
        desired
            .state()
            .get(&key("10.96.0.1", 80))
            .map(|f| f.service.uid)
    };
    let claim = |number| service(number, vec![cluster_ip(1)]);
    assert_eq!(holder(vec![claim(2)], vec![]), Some(uid(2)));
    assert_eq!(holder(vec![claim(1), claim(3)], vec![]), Some(uid(1)));
    assert_eq!(holder(vec![], vec![claim(1).0]), Some(uid(2)));
    assert_eq!(holder(vec![], vec![claim(3).0]), Some(uid(2)));
    assert_eq!(holder(vec![], vec![claim(2).0]), None);
}

#[test]
fn a_change_touches_what_it_concerns_and_nothing_else() {
    let mut set = three_endpoints(|_, _| {});
    set.push(service(1, vec![cluster_ip(1)]));
    let mut views = holding(&set);
    assert_eq!(
        views.apply(set.clone(), []),
        Touched::default(),
        "equal values"
    );

    let moved = at(11, endpoint(2, "10.0.0.11", ("node-1", "a")));
    let touched = views.apply([moved], []);
    assert_eq!(
        touched.services,
        BTreeSet::from([uid(1), uid(2)]),
        "endpoint moved"
    );

    let touched = views.apply([node(2, "b", &[])], []);
    assert!(touched.everything(&name("node-2")) && !touched.everything(&name("node-1")));

    let touched = views.apply(Set::new(), [at(12, endpoint(1, "10.0.0.12", ("", ""))).0]);
    assert_eq!(touched.services, BTreeSet::from([uid(1)]), "endpoint gone");
}

#[test]
fn a_node_created_again_under_its_name_is_not_forgotten_with_the_old_one() {
    let mut views = holding(&vec![node(1, "a", &["192.0.2.1"])]);
    let (old, View::Node(view)) = node(1, "b", &["192.0.2.9"]) else {
        panic!("a node's view");
    };
    let new = ViewKey::new(old.kind, uid(99));
    views.apply([(new, View::Node(view))], [old]);
    assert_eq!(views.node(&name("node-1")).unwrap().zone, "b");
}

proptest! {
    #[test]
    fn what_is_packed_is_the_view(views in any_views()) {
        for (_, view) in views {
            prop_assert_eq!(PackedView::from(view.clone()).view(), view);
        }
    }

    #[test]
    fn the_order_of_views_does_not_matter(set in any_views(), seed in any::<u64>()) {
        let mut shuffled = set.clone();
        let mut turn = seed;
        for last in (1..shuffled.len()).rev() {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let other = usize::try_from(turn >> 33).unwrap() % (last + 1);
            shuffled.swap(last, other);
        }
        let node = name("node-1");
        prop_assert_eq!(holding(&set).desired_all(&node), holding(&shuffled).desired_all(&node));
    }

    #[test]
    fn refreshing_what_was_touched_equals_working_out_everything(
        sets in prop::collection::vec(any_views(), 1..5)
    ) {
        let node = name("node-1");
        let (mut views, mut desired) = (Views::default(), Desired::new());
        let mut held: BTreeSet<ViewKey> = BTreeSet::new();
        for set in sets {
            let keys: BTreeSet<_> = set.iter().map(|(key, _)| *key).collect();
            let before = desired.state().clone();
            let touched = views.apply(set, held.difference(&keys).copied());
            let changed = desired.refresh(&views, &node, &touched);
            prop_assert_eq!(desired.state(), &views.desired_all(&node));
            let differs = |key: &&FrontendKey| before.get(key) != desired.state().get(key);
            let all = before.keys().chain(desired.state().keys());
            prop_assert!(all.filter(differs).all(|key| changed.contains(key)));
            held = keys;
        }
    }
}
