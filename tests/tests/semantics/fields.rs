//! §1.2: the fields of a specification, each with its default and its rules.

use portolan_proto::v1;
use v1::service_port::Target;
use v1::{
    ServicePort, ServiceSpec, SessionAffinity, SessionAffinityConfig, TrafficDistribution,
    TrafficPolicy,
};

use crate::cluster::{spec_of, texts};
use crate::expect::{FAILED, INVALID, Verdict, assert_refused, assert_verdict, fields};
use crate::specs::{
    alias, at, cluster_ip, headless, load_balancer, local_balancer, named, node_port, port, udp,
    with, with_addresses, with_families, with_policy, with_ports, REQUIRE,
};
use crate::stores::ControlPlane;

on_every_store!(
    s_enumerations_have_known_values,
    s_ports_are_needed_unless_headless_or_an_alias,
    s_port_numbers_and_names_are_unique,
    s_port_names_leave_room_for_srv,
    s_target_ports_are_numbers_or_port_names,
    s_app_protocols_are_qualified_names,
    s_node_ports_are_for_types_that_have_them,
    s_an_empty_selector_is_no_selector,
    s_cluster_ips_are_canonical_one_a_family_and_agree_with_families,
    s_addresses_with_leading_zeros_zones_or_mapped_are_refused,
    s_affinity_has_a_timeout_of_a_day_at_most_and_no_configuration_without_it,
    s_policies_have_defaults_where_they_apply,
    s_traffic_distribution_can_be_set_and_cleared,
    s_what_is_for_load_balancers_is_refused_elsewhere,
    s_source_ranges_are_ranges,
    s_requested_balancer_addresses_are_one_a_family,
    s_an_external_name_is_a_dns_name_and_no_address,
    s_everything_wrong_is_said_at_once_up_to_fifty,
);

type Rows = Vec<(&'static str, ServiceSpec, Verdict)>;

/// Each row as a create, and what is refused also as an update of a plain Service.
fn check(plane: &'static ControlPlane, rows: Rows) {
    let cluster = plane.dual();
    cluster.created("plain", cluster_ip());
    for (row, spec, want) in rows {
        let is_headless = spec.cluster_ips == ["None"];
        if want.is_err() && !is_headless {
            let answer = cluster.put("plain", spec.clone());
            assert_verdict(&format!("{row}, as an update"), answer, want);
        }
        assert_verdict(row, cluster.create("web", spec), want);
        if want.is_ok() {
            cluster.delete("web").expect(row);
        }
    }
}

/// A refusal at a field of the specification.
fn bad(field: &'static str) -> Verdict {
    Err((INVALID, field))
}

fn s_enumerations_have_known_values(plane: &'static ControlPlane) {
    check(plane, vec![
        ("type", with(cluster_ip(), |s| s.r#type = 9), bad("spec.type")),
        ("protocol", with(cluster_ip(), |s| s.ports[0].protocol = 9), bad("ports[0].protocol")),
        ("family", with(cluster_ip(), |s| s.ip_families = vec![9]), bad("ip_families[0]")),
        ("no family", with(cluster_ip(), |s| s.ip_families = vec![0]), bad("ip_families[0]")),
        ("family policy", with(cluster_ip(), |s| s.ip_family_policy = 9), bad("ip_family_policy")),
        ("affinity", with(cluster_ip(), |s| s.session_affinity = 9), bad("session_affinity")),
        ("external policy", with(node_port(), |s| s.external_traffic_policy = 9), bad("external_traffic_policy")),
        ("internal policy", with(cluster_ip(), |s| s.internal_traffic_policy = 9), bad("internal_traffic_policy")),
        ("distribution", with(cluster_ip(), |s| s.traffic_distribution = 9), bad("traffic_distribution")),
        ("negative", with(cluster_ip(), |s| s.r#type = -1), bad("spec.type")),
    ]);
    let cluster = plane.single();
    let spec = cluster.created("web", with(ServiceSpec::default(), |s| s.ports = vec![port(80)]));
    assert_eq!(spec.r#type(), v1::ServiceType::ClusterIp, "the default type");
    assert_eq!(spec.ports[0].protocol(), v1::Protocol::Tcp, "the default protocol");
    assert_eq!(spec.session_affinity(), SessionAffinity::None, "the default affinity");
}

fn s_ports_are_needed_unless_headless_or_an_alias(plane: &'static ControlPlane) {
    let no_ports = |spec| with_ports(spec, []);
    let many = |count| with(cluster_ip(), |s: &mut ServiceSpec| {
        s.ports = (1..=count).map(|i| named(&format!("p{i}"), i)).collect();
    });
    check(plane, vec![
        ("ClusterIP", no_ports(cluster_ip()), bad("spec.ports")),
        ("NodePort", no_ports(node_port()), bad("spec.ports")),
        ("LoadBalancer", no_ports(load_balancer()), bad("spec.ports")),
        ("headless", no_ports(headless()), Ok(())),
        ("ExternalName", no_ports(alias()), Ok(())),
        ("ExternalName with ports", with_ports(alias(), [port(80)]), Ok(())),
        ("250 of them", many(250), Ok(())),
        ("251 of them", many(251), bad("spec.ports")),
    ]);
}

fn s_port_numbers_and_names_are_unique(plane: &'static ControlPlane) {
    let ports = |ports| with(cluster_ip(), |s: &mut ServiceSpec| s.ports = ports);
    let numbers = [0, -1, 65_536, i32::MIN, i32::MAX].map(|number| {
        ("no port number", ports(vec![port(number)]), bad("ports[0].port"))
    });
    check(plane, [
        ("the lowest", ports(vec![port(1)]), Ok(())),
        ("the highest", ports(vec![port(65_535)]), Ok(())),
        ("one number, two protocols", ports(vec![named("a", 53), udp("b", 53)]), Ok(())),
        ("one number twice", ports(vec![named("a", 53), named("b", 53)]), bad("ports[1].port")),
        ("one name twice", ports(vec![named("a", 53), udp("a", 53)]), bad("ports[1].name")),
        ("two without names", ports(vec![port(80), udp("", 80)]), bad("ports[0].name")),
        ("one of two without a name", ports(vec![named("a", 80), port(81)]), bad("ports[1].name")),
        (
            "one node port twice",
            with_ports(node_port(), [at(30_001, named("a", 80)), at(30_001, named("b", 81))]),
            bad("ports[1].node_port"),
        ),
    ].into_iter().chain(numbers).collect());
}

fn s_port_names_leave_room_for_srv(plane: &'static ControlPlane) {
    let name = |name: &str| with_ports(cluster_ip(), [named(name, 80)]);
    check(plane, vec![
        ("62 characters", name(&"a".repeat(62)), Ok(())),
        ("63: `_` and it are no label", name(&"a".repeat(63)), bad("ports[0].name")),
        ("a digit first", name("9p"), Ok(())),
        ("upper case", name("Web"), bad("ports[0].name")),
        ("a dot", name("a.b"), bad("ports[0].name")),
        ("a dash last", name("a-"), bad("ports[0].name")),
    ]);
}

fn target(target: Target) -> ServiceSpec {
    with_ports(cluster_ip(), [ServicePort { target: Some(target), ..port(80) }])
}

fn s_target_ports_are_numbers_or_port_names(plane: &'static ControlPlane) {
    let name = |text: &str| target(Target::TargetPortName(text.to_owned()));
    let at_name = || bad("ports[0].target_port_name");
    check(plane, vec![
        ("the highest", target(Target::TargetPort(65_535)), Ok(())),
        ("too high", target(Target::TargetPort(65_536)), bad("ports[0].target_port")),
        ("negative", target(Target::TargetPort(-1)), bad("ports[0].target_port")),
        ("15 characters", name("abcdefghijklm-9"), Ok(())),
        ("16 characters", name("abcdefghijklm-90"), at_name()),
        ("no letter", name("8080"), at_name()),
        ("a double dash", name("a--b"), at_name()),
        ("a dash first", name("-a"), at_name()),
        ("upper case", name("Web"), at_name()),
    ]);
    let cluster = plane.single();
    for (row, spec) in [
        ("0", target(Target::TargetPort(0))),
        ("an empty name", target(Target::TargetPortName(String::new()))),
        ("unset", cluster_ip()),
    ] {
        let spec = cluster.created("web", spec);
        assert_eq!(spec.ports[0].target, Some(Target::TargetPort(80)), "{row}: as the port");
        cluster.delete("web").expect(row);
    }
}

fn s_app_protocols_are_qualified_names(plane: &'static ControlPlane) {
    let speaks = |text: &str| {
        let app_protocol = Some(text.to_owned());
        with_ports(cluster_ip(), [ServicePort { app_protocol, ..port(80) }])
    };
    check(plane, vec![
        ("IANA", speaks("http"), Ok(())),
        ("Kubernetes", speaks("kubernetes.io/h2c"), Ok(())),
        ("one's own", speaks("example.com/my-thing"), Ok(())),
        ("a blank", speaks("my thing"), bad("ports[0].app_protocol")),
        ("two slashes", speaks("a/b/c"), bad("ports[0].app_protocol")),
        ("empty", speaks(""), bad("ports[0].app_protocol")),
    ]);
}

fn s_node_ports_are_for_types_that_have_them(plane: &'static ControlPlane) {
    let asks = |spec, number| with_ports(spec, [at(number, port(80))]);
    check(plane, vec![
        ("ClusterIP", asks(cluster_ip(), 30_001), bad("ports[0].node_port")),
        ("headless", asks(headless(), 30_001), bad("ports[0].node_port")),
        ("ExternalName", asks(alias(), 30_001), bad("ports[0].node_port")),
        ("NodePort", asks(node_port(), 30_001), Ok(())),
        ("LoadBalancer", asks(load_balancer(), 30_001), Ok(())),
        ("out of range", asks(node_port(), 29_999), Err((FAILED, "ports[0].node_port"))),
        ("negative", asks(node_port(), -1), bad("ports[0].node_port")),
        ("no port", asks(node_port(), 65_536), bad("ports[0].node_port")),
    ]);
}

fn s_an_empty_selector_is_no_selector(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("w", &[("app", "web")], &["10.1.0.1"]);
    cluster.created("web", cluster_ip());
    assert_eq!(cluster.endpoints("web"), [], "never all workloads");
}

fn s_cluster_ips_are_canonical_one_a_family_and_agree_with_families(plane: &'static ControlPlane) {
    let ips = |list: &[&str]| with_policy(with_addresses(cluster_ip(), list), REQUIRE);
    check(plane, vec![
        ("None and an address", ips(&["None", "10.96.0.9"]), bad("cluster_ips[0]")),
        ("an address and None", ips(&["10.96.0.9", "None"]), bad("cluster_ips[1]")),
        ("lower case", ips(&["none"]), bad("cluster_ips[0]")),
        ("two of a family", ips(&["10.96.0.9", "10.96.0.10"]), bad("cluster_ips[1]")),
        ("three", ips(&["10.96.0.9", "fd00:96::9", "10.96.0.10"]), bad("cluster_ips")),
        ("no address", ips(&["web"]), bad("cluster_ips[0]")),
        (
            "against the families",
            with_families(ips(&["10.96.0.9", "fd00:96::9"]), &[6, 4]),
            bad("cluster_ips[0]"),
        ),
        ("one family twice", with_families(ips(&[]), &[4, 4]), bad("ip_families[1]")),
        ("three families", with_families(ips(&[]), &[4, 6, 4]), bad("ip_families")),
    ]);
    let cluster = plane.dual();
    let spec = with_addresses(cluster_ip(), &["FD00:0096:0:0::00AB"]);
    let spec = cluster.created("web", spec);
    assert_eq!(spec.cluster_ips[0], "fd00:96::ab", "as canonical text");
    let again = with_addresses(cluster_ip(), &["fd00:96:0::ab"]);
    let again = cluster.put("web", again).expect("the same address");
    assert_eq!(spec_of(again), spec, "addresses compare, not texts");
}

fn s_addresses_with_leading_zeros_zones_or_mapped_are_refused(plane: &'static ControlPlane) {
    let rows = ["010.096.0.9", "10.96.0.09", "::ffff:10.96.0.9", "::ffff:a60:9", "fe80::1%eth0", "10.96.9", "0x0a.96.0.9", " 10.96.0.9", ""];
    let rows = rows.into_iter().flat_map(|text| {
        let requested = with(load_balancer(), |s| s.requested_load_balancer_ips = texts(&[text]));
        [
            (text, with_addresses(cluster_ip(), &[text]), bad("cluster_ips[0]")),
            (text, requested, bad("requested_load_balancer_ips[0]")),
        ]
    });
    check(plane, rows.collect());
}

fn s_affinity_has_a_timeout_of_a_day_at_most_and_no_configuration_without_it(
    plane: &'static ControlPlane,
) {
    let configured = |affinity: SessionAffinity, seconds| with(cluster_ip(), |s| {
        s.session_affinity = affinity.into();
        s.session_affinity_config = Some(SessionAffinityConfig {
            client_ip_timeout_seconds: Some(seconds),
        });
    });
    let (sticks, not) = (SessionAffinity::ClientIp, SessionAffinity::None);
    let seconds = || bad("session_affinity_config.client_ip_timeout_seconds");
    check(plane, vec![
        ("a second", configured(sticks, 1), Ok(())),
        ("a day", configured(sticks, 86_400), Ok(())),
        ("more", configured(sticks, 86_401), seconds()),
        ("none", configured(sticks, 0), seconds()),
        ("negative", configured(sticks, -1), seconds()),
        ("without affinity", configured(not, 60), bad("session_affinity_config")),
    ]);
}

fn s_policies_have_defaults_where_they_apply(plane: &'static ControlPlane) {
    let (cluster_wide, local) = (TrafficPolicy::Cluster, TrafficPolicy::Local);
    let external = |spec, policy: TrafficPolicy| with(spec, |s: &mut ServiceSpec| s.external_traffic_policy = policy.into());
    let internal = |spec, policy: TrafficPolicy| with(spec, |s: &mut ServiceSpec| s.internal_traffic_policy = policy.into());
    let mut rows = vec![
        ("internal, headless", internal(headless(), local), Ok(())),
        ("internal Cluster, ExternalName", internal(alias(), cluster_wide), Ok(())),
        ("internal Local, ExternalName", internal(alias(), local), Ok(())),
    ];
    for policy in [cluster_wide, local] {
        rows.extend([
            ("external, ClusterIP", external(cluster_ip(), policy), bad("external_traffic_policy")),
            ("external, headless", external(headless(), policy), bad("external_traffic_policy")),
            ("external, ExternalName", external(alias(), policy), bad("external_traffic_policy")),
            ("external, NodePort", external(node_port(), policy), Ok(())),
            ("external, LoadBalancer", external(load_balancer(), policy), Ok(())),
            ("internal, ClusterIP", internal(cluster_ip(), policy), Ok(())),
        ]);
    }
    check(plane, rows);
    let cluster = plane.single();
    for (name, spec, external, internal) in [
        ("cluster", cluster_ip(), TrafficPolicy::Unspecified, cluster_wide),
        ("less", headless(), TrafficPolicy::Unspecified, cluster_wide),
        ("node", node_port(), cluster_wide, cluster_wide),
        ("balancer", load_balancer(), cluster_wide, cluster_wide),
        ("alias", internal(alias(), local), TrafficPolicy::Unspecified, TrafficPolicy::Unspecified),
    ] {
        let spec = cluster.created(name, spec);
        assert_eq!(spec.external_traffic_policy(), external, "{name}: external");
        assert_eq!(spec.internal_traffic_policy(), internal, "{name}: internal");
    }
}

fn s_traffic_distribution_can_be_set_and_cleared(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let unset = cluster.created("web", cluster_ip());
    assert_eq!(unset.traffic_distribution, 0);
    for wish in [TrafficDistribution::PreferSameZone, TrafficDistribution::PreferSameNode] {
        let wished = with(cluster_ip(), |s| s.traffic_distribution = wish.into());
        let path = ["spec.traffic_distribution"];
        let set = spec_of(cluster.patch("web", &path, wished).expect("set"));
        assert_eq!(set.traffic_distribution(), wish);
        let cleared = spec_of(cluster.patch("web", &path, cluster_ip()).expect("cleared"));
        assert_eq!(cleared, unset);
    }
}

fn s_what_is_for_load_balancers_is_refused_elsewhere(plane: &'static ControlPlane) {
    let mut rows = Vec::new();
    for spec in [cluster_ip(), node_port(), headless(), alias()] {
        for on in [true, false] {
            let flagged = with(spec.clone(), |s| s.allocate_load_balancer_node_ports = Some(on));
            rows.push(("the flag", flagged, bad("allocate_load_balancer_node_ports")));
        }
        let class = with(spec.clone(), |s| s.load_balancer_class = Some("a".to_owned()));
        rows.push(("a class", class, bad("load_balancer_class")));
        let ranges = with(spec.clone(), |s| s.load_balancer_source_ranges = texts(&["10.0.0.0/8"]));
        rows.push(("source ranges", ranges, bad("load_balancer_source_ranges")));
        let health = with(spec, |s| s.health_check_node_port = 30_002);
        rows.push(("a health-check port", health, bad("health_check_node_port")));
    }
    let class = |text: &str| with(load_balancer(), |s| s.load_balancer_class = Some(text.to_owned()));
    rows.extend([
        ("a class with a prefix", class("example.com/internal"), Ok(())),
        ("an empty class", class(""), bad("load_balancer_class")),
        ("a class with a blank", class("a b"), bad("load_balancer_class")),
    ]);
    check(plane, rows);
    let cluster = plane.single();
    let spec = cluster.created("web", load_balancer());
    assert_eq!(spec.allocate_load_balancer_node_ports, Some(true), "the default");
}

fn s_source_ranges_are_ranges(plane: &'static ControlPlane) {
    let ranges = |list: &[&str]| with(local_balancer(), |s| s.load_balancer_source_ranges = texts(list));
    let first = || bad("load_balancer_source_ranges[0]");
    check(plane, vec![
        ("both families", ranges(&["192.0.2.0/24", "2001:db8::/32"]), Ok(())),
        ("everything", ranges(&["0.0.0.0/0", "::/0"]), Ok(())),
        ("an address alone", ranges(&["192.0.2.1"]), first()),
        ("host bits", ranges(&["192.0.2.1/24"]), first()),
        ("leading zeros", ranges(&["192.0.02.0/24"]), first()),
        ("mapped", ranges(&["::ffff:192.0.2.0/120"]), first()),
        ("too long a prefix", ranges(&["192.0.2.0/33"]), first()),
        ("no range", ranges(&["all"]), first()),
        ("the second one", ranges(&["192.0.2.0/24", ""]), bad("load_balancer_source_ranges[1]")),
    ]);
    let cluster = plane.single();
    let spec = cluster.created("web", ranges(&[" 192.0.2.0/24\t", "2001:DB8::/32"]));
    assert_eq!(spec.load_balancer_source_ranges, texts(&["192.0.2.0/24", "2001:db8::/32"]), "trimmed");
    let cleared = cluster.put("web", ranges(&[])).expect("cleared");
    assert!(spec_of(cleared).load_balancer_source_ranges.is_empty());
}

fn s_requested_balancer_addresses_are_one_a_family(plane: &'static ControlPlane) {
    let asks = |spec, list: &[&str]| with(spec, |s: &mut ServiceSpec| s.requested_load_balancer_ips = texts(list));
    check(plane, vec![
        ("one", asks(load_balancer(), &["192.0.2.1"]), Ok(())),
        ("one a family", asks(load_balancer(), &["192.0.2.1", "2001:db8::1"]), Ok(())),
        ("two of a family", asks(load_balancer(), &["192.0.2.1", "192.0.2.2"]), bad("requested_load_balancer_ips[1]")),
        ("three", asks(load_balancer(), &["192.0.2.1", "2001:db8::1", "192.0.2.2"]), bad("requested_load_balancer_ips")),
        ("not of a load balancer: a warning", asks(node_port(), &["192.0.2.1"]), Ok(())),
    ]);
}

fn s_an_external_name_is_a_dns_name_and_no_address(plane: &'static ControlPlane) {
    let name = |text: &str| with(alias(), |s| text.clone_into(&mut s.external_name));
    let label = "a".repeat(63);
    let long = [&label[..], &label, &label, &label[..61]].join(".");
    let refused = || bad("spec.external_name");
    check(plane, vec![
        ("a dot at the end", name("db.example.com."), Ok(())),
        ("one label", name("db"), Ok(())),
        ("253 characters", name(&long), Ok(())),
        ("254 characters", name(&format!("{long}a")), refused()),
        ("nothing", name(""), refused()),
        ("a dot alone", name("."), refused()),
        ("two dots", name("db.example.com.."), refused()),
        ("upper case", name("DB.example.com"), refused()),
        ("an underscore", name("a_b.example.com"), refused()),
        ("an IPv4 address", name("192.0.2.1"), refused()),
        ("with a dot", name("192.0.2.1."), refused()),
        ("an IPv6 address", name("2001:db8::1"), refused()),
    ]);
}

fn s_everything_wrong_is_said_at_once_up_to_fifty(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let wrong = with(cluster_ip(), |s| {
        s.ports = vec![named("A", 0), ServicePort { protocol: 9, ..named("b", 70_000) }];
        s.cluster_ips = texts(&["x"]);
        s.session_affinity = 9;
        s.external_traffic_policy = TrafficPolicy::Local.into();
        s.selector = [("a b".to_owned(), String::new())].into();
    });
    let create = |spec| cluster.create_with("web", spec, |r| {
        r.service_id = "Web".to_owned();
        r.service.as_mut().expect("a Service").labels = [("-".to_owned(), String::new())].into();
    });
    let status = create(wrong).expect_err("all of it");
    let said = fields(&status);
    for field in [
        "service_id", "spec.ports[0].port", "spec.ports[0].name", "spec.ports[1].port",
        "spec.ports[1].protocol", "spec.cluster_ips[0]", "spec.session_affinity",
        "spec.external_traffic_policy", "spec.selector[\"a b\"]", "service.labels[\"-\"]",
    ] {
        assert!(said.iter().any(|at| at.ends_with(field)), "{field} is not among {said:?}");
    }
    let many = with(cluster_ip(), |s| s.ports = (0..60).map(|i| named(&format!("p{i}"), 0)).collect());
    let status = create(many).expect_err("too much of it");
    assert_eq!(fields(&status).len(), 50);
    assert_refused("as a refusal", Err::<(), _>(status), INVALID, "service_id");
}
