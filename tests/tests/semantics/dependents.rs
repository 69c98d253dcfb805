//! What hangs on a type beside addresses and ports: wiped with it only where the system may have filled it in and the
//! same write says nothing else.

use portolan_proto::v1;
use v1::{ServiceSpec, SessionAffinity, TrafficPolicy};

use crate::cluster::{node_ports, spec_of, texts};
use crate::expect::{FAILED, INVALID, assert_refused};
use crate::specs::{
    alias, at, cluster_ip, headless, load_balancer, local_balancer, named, node_port, port, with,
    with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    t_source_ranges_stop_a_load_balancer_from_changing_unless_cleared,
    t_a_new_node_port_in_the_write_that_drops_them_is_refused,
    t_the_class_is_set_only_by_the_write_that_makes_a_load_balancer,
    t_the_flag_alone_releases_nothing_and_an_explicit_zero_then_does,
    t_explicit_numbers_are_honoured_though_the_flag_is_false,
    t_the_flag_turned_on_again_allocates,
    t_a_health_check_port_is_immutable_while_it_is_needed,
    t_a_health_check_port_that_is_asked_for_is_taken_or_refused,
    t_a_health_check_port_comes_and_goes_with_the_policy,
    t_named_ports_inherit_their_numbers_wherever_they_stand,
    t_an_inherited_number_yields_to_one_that_is_asked_for,
    t_an_external_policy_is_wiped_only_if_the_write_leaves_it_alone,
    t_to_external_name_keeps_selector_and_affinity,
    t_from_external_name_keeps_the_name_with_a_warning,
    t_affinity_off_wipes_its_configuration,
);

fn source_ranges() -> ServiceSpec {
    with(load_balancer(), |s| {
        s.load_balancer_source_ranges = texts(&["192.0.2.0/24"]);
    })
}

fn t_source_ranges_stop_a_load_balancer_from_changing_unless_cleared(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (row, to) in [
        ("ClusterIP", cluster_ip()),
        ("NodePort", node_port()),
        ("ExternalName", alias()),
    ] {
        let before = cluster.created("web", source_ranges());
        let changed = with(before.clone(), |s| {
            s.r#type = to.r#type;
            s.external_name.clone_from(&to.external_name);
        });
        let field = "spec.load_balancer_source_ranges";
        for paths in [&["*"][..], &["spec.type", "spec.external_name"]] {
            assert_refused(
                row,
                cluster.patch("web", paths, changed.clone()),
                INVALID,
                field,
            );
        }
        assert_eq!(cluster.spec("web"), before, "{row}: nothing changed");
        let cleared = with(changed, |s| s.load_balancer_source_ranges.clear());
        cluster.put("web", cleared).expect(row);
        cluster.delete("web").expect(row);
    }
}

fn t_a_new_node_port_in_the_write_that_drops_them_is_refused(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (name, from) in [("balancer", load_balancer()), ("node", node_port())] {
        let before = cluster.created(name, from);
        let to = |number| with_ports(cluster_ip(), [at(number, port(80))]);
        let answer = cluster.put(name, to(30_001));
        assert_refused(name, answer, INVALID, "spec.ports[0].node_port");
        assert_eq!(cluster.spec(name), before, "{name}: nothing changed");
        let old = before.ports[0].node_port;
        let after = spec_of(
            cluster
                .put(name, to(old))
                .expect("the old one sent back is wiped"),
        );
        assert_eq!(node_ports(&after), [0], "{name}");
    }
}

fn t_the_class_is_set_only_by_the_write_that_makes_a_load_balancer(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let class = |name: &str| {
        let name = name.to_owned();
        with(load_balancer(), |s| s.load_balancer_class = Some(name))
    };
    let field = "spec.load_balancer_class";
    cluster.created("plain", load_balancer());
    assert_refused(
        "set later",
        cluster.put("plain", class("a.example/b")),
        INVALID,
        field,
    );
    let before = cluster.created("web", class("a.example/b"));
    for (row, spec) in [("changed", class("c")), ("taken away", load_balancer())] {
        let reason = assert_refused(row, cluster.put("web", spec), INVALID, field);
        assert_eq!(reason, "FIELD_IMMUTABLE", "{row}");
    }
    assert_eq!(
        spec_of(cluster.put("web", before.clone()).expect("sent back")),
        before
    );
    let kept = with(before, |s| s.r#type = v1::ServiceType::NodePort.into());
    let after = spec_of(cluster.put("web", kept).expect("to NodePort"));
    assert_eq!(after.load_balancer_class, None, "wiped with the type");
    let wrong = cluster.put("web", with(class("c"), |s| s.r#type = node_port().r#type));
    assert_refused("of a NodePort", wrong, INVALID, field);
    let after = spec_of(
        cluster
            .put("web", class("c"))
            .expect("a load balancer again"),
    );
    assert_eq!(after.load_balancer_class.as_deref(), Some("c"));
}

const FLAG: &str = "spec.allocate_load_balancer_node_ports";

fn flag(spec: ServiceSpec, on: bool) -> ServiceSpec {
    with(spec, |s| s.allocate_load_balancer_node_ports = Some(on))
}

fn t_the_flag_alone_releases_nothing_and_an_explicit_zero_then_does(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let two = with_ports(load_balancer(), [named("a", 80), named("b", 81)]);
    let before = cluster.created("web", two);
    let off = cluster.patch("web", &[FLAG], flag(load_balancer(), false));
    let off = spec_of(off.expect("the flag alone"));
    assert_eq!(node_ports(&off), node_ports(&before), "nothing is released");
    let one = with(off, |s| s.ports[0].node_port = 0);
    let after = spec_of(cluster.put("web", one).expect("an explicit 0"));
    assert_eq!(node_ports(&after), [0, before.ports[1].node_port]);
    assert_eq!(cluster.ports_held(), 1);
    let bare = with_ports(
        flag(load_balancer(), false),
        [named("a", 80), named("b", 81)],
    );
    let after = spec_of(cluster.put("web", bare).expect("left out"));
    assert_eq!(node_ports(&after), [0, 0], "a manifest without numbers");
    assert_eq!(cluster.ports_held(), 0);
}

fn t_explicit_numbers_are_honoured_though_the_flag_is_false(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let asked = with_ports(
        flag(load_balancer(), false),
        [at(30_010, named("a", 80)), named("b", 81)],
    );
    assert_eq!(node_ports(&cluster.created("web", asked)), [30_010, 0]);
}

fn t_the_flag_turned_on_again_allocates(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", flag(load_balancer(), false));
    let on = cluster.patch("web", &[FLAG], flag(load_balancer(), true));
    assert_ne!(node_ports(&spec_of(on.expect("turned on"))), [0]);
}

fn t_a_health_check_port_is_immutable_while_it_is_needed(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let before = cluster.created("web", local_balancer());
    let number = before.health_check_node_port;
    assert!((30_000..=32_767).contains(&number), "{number}");
    let other = if number == 30_005 { 30_006 } else { 30_005 };
    let changed = with(local_balancer(), |s| s.health_check_node_port = other);
    let field = "spec.health_check_node_port";
    let reason = assert_refused("changed", cluster.put("web", changed), INVALID, field);
    assert_eq!(reason, "FIELD_IMMUTABLE");
    for (row, spec) in [
        ("left out", local_balancer()),
        ("sent back", before.clone()),
    ] {
        assert_eq!(
            spec_of(cluster.put("web", spec).expect(row)),
            before,
            "{row}"
        );
    }
}

fn t_a_health_check_port_that_is_asked_for_is_taken_or_refused(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let field = "spec.health_check_node_port";
    let asked = |number| with(local_balancer(), |s| s.health_check_node_port = number);
    let spec = cluster.created("web", asked(30_020));
    assert_eq!(spec.health_check_node_port, 30_020);
    cluster.created("node", with_ports(node_port(), [at(30_021, port(80))]));
    for (row, number, code) in [
        ("another's health checks", 30_020, FAILED),
        ("another's node port", 30_021, FAILED),
        ("out of range", 29_999, FAILED),
        ("no port", 65_536, INVALID),
    ] {
        assert_refused(row, cluster.create("other", asked(number)), code, field);
    }
    let taken = with_ports(node_port(), [at(30_020, port(80))]);
    let reason = assert_refused(
        "one allocator",
        cluster.create("other", taken),
        FAILED,
        "node_port",
    );
    assert_eq!(reason, "NODE_PORT_IN_USE");
    let own = with_ports(asked(30_030), [at(30_030, port(80))]);
    assert_refused(
        "the own node port",
        cluster.create("other", own),
        INVALID,
        field,
    );
    for (row, spec) in [
        ("of policy Cluster", load_balancer()),
        (
            "of a NodePort",
            with(node_port(), |s| {
                s.external_traffic_policy = TrafficPolicy::Local.into();
            }),
        ),
        ("of a ClusterIP", cluster_ip()),
    ] {
        let spec = with(spec, |s| s.health_check_node_port = 30_022);
        assert_refused(row, cluster.create("other", spec), INVALID, field);
    }
}

fn t_a_health_check_port_comes_and_goes_with_the_policy(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", load_balancer());
    let held = cluster.ports_held();
    let policy = |policy: TrafficPolicy| {
        let spec = with(ServiceSpec::default(), |s| {
            s.external_traffic_policy = policy.into();
        });
        spec_of(
            cluster
                .patch("web", &["spec.external_traffic_policy"], spec)
                .expect("a policy"),
        )
    };
    for _ in 0..3 {
        assert_ne!(policy(TrafficPolicy::Local).health_check_node_port, 0);
        assert_eq!(cluster.ports_held(), held + 1);
        assert_eq!(policy(TrafficPolicy::Cluster).health_check_node_port, 0);
        assert_eq!(cluster.ports_held(), held, "not leaked");
    }
}

fn t_named_ports_inherit_their_numbers_wherever_they_stand(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let before = cluster.created(
        "web",
        with_ports(node_port(), [named("a", 80), named("b", 81)]),
    );
    let [a, b] = node_ports(&before)[..] else {
        panic!("two ports: {before:?}");
    };
    let turned = with_ports(node_port(), [named("b", 81), named("a", 8080)]);
    let after = spec_of(cluster.put("web", turned).expect("in another order"));
    assert_eq!(node_ports(&after), [b, a]);
    let renamed = with_ports(node_port(), [named("c", 81), named("a", 8080)]);
    let after = spec_of(cluster.put("web", renamed).expect("renamed"));
    assert_eq!(node_ports(&after)[1], a, "its namesake keeps the number");
    let as_balancer = with_ports(load_balancer(), [named("a", 8080), named("c", 81)]);
    let moved = spec_of(cluster.put("web", as_balancer).expect("as a load balancer"));
    let numbers: Vec<_> = node_ports(&after).into_iter().rev().collect();
    assert_eq!(node_ports(&moved), numbers);
}

fn t_an_inherited_number_yields_to_one_that_is_asked_for(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let before = cluster.created(
        "web",
        with_ports(node_port(), [named("a", 80), named("b", 81)]),
    );
    let a = before.ports[0].node_port;
    let moved = with_ports(node_port(), [named("a", 80), at(a, named("b", 81))]);
    let after = spec_of(cluster.put("web", moved).expect("b takes a's number"));
    assert_eq!(after.ports[1].node_port, a);
    assert!(
        ![0, a].contains(&after.ports[0].node_port),
        "a gets another one: {after:?}"
    );
}

fn t_an_external_policy_is_wiped_only_if_the_write_leaves_it_alone(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let local = |spec| {
        with(spec, |s: &mut ServiceSpec| {
            s.external_traffic_policy = TrafficPolicy::Local.into();
        })
    };
    for from in [load_balancer(), node_port()] {
        let before = cluster.created("web", from);
        let changed = local(with(before.clone(), |s| s.r#type = cluster_ip().r#type));
        let answer = cluster.put("web", changed);
        assert_refused("changed", answer, INVALID, "spec.external_traffic_policy");
        let same = with(before, |s| s.r#type = cluster_ip().r#type);
        let after = spec_of(cluster.put("web", same).expect("as it was"));
        assert_eq!(after.external_traffic_policy, 0);
        cluster.delete("web").expect("it goes");
    }
}

fn t_to_external_name_keeps_selector_and_affinity(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let spec = with(cluster_ip(), |s| {
        s.selector = headless().selector;
        s.session_affinity = SessionAffinity::ClientIp.into();
    });
    let before = cluster.created("web", spec);
    let to = with(before.clone(), |s| {
        s.r#type = alias().r#type;
        s.external_name = alias().external_name;
    });
    let answer = cluster.put("web", to).expect("to ExternalName");
    assert!(
        answer.warnings.iter().any(|w| w.contains("selector")),
        "{:?}",
        answer.warnings
    );
    let after = spec_of(answer);
    assert_eq!(after.selector, before.selector);
    assert_eq!(after.session_affinity, before.session_affinity);
    assert_eq!(
        after.session_affinity_config,
        before.session_affinity_config
    );
}

fn t_from_external_name_keeps_the_name_with_a_warning(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", alias());
    let answer = cluster.patch("web", &["spec.type", "spec.ports"], cluster_ip());
    let answer = answer.expect("to ClusterIP");
    assert!(
        answer.warnings.iter().any(|w| w.contains("external_name")),
        "{:?}",
        answer.warnings
    );
    assert_eq!(spec_of(answer).external_name, alias().external_name);
}

fn t_affinity_off_wipes_its_configuration(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let spec = with(cluster_ip(), |s| {
        s.session_affinity = SessionAffinity::ClientIp.into();
    });
    let before = cluster.created("web", spec);
    let seconds = before
        .session_affinity_config
        .and_then(|c| c.client_ip_timeout_seconds);
    assert_eq!(seconds, Some(10_800), "the default");
    let off = with(before, |s| {
        s.session_affinity = SessionAffinity::None.into();
    });
    let after = spec_of(cluster.put("web", off).expect("off"));
    assert_eq!(after.session_affinity_config, None);
}
