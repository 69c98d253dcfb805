//! §1.2: the fields of a specification, each with its default and its rules.

use portolan_proto::v1;
use v1::{
    ServicePort, ServiceSpec, SessionAffinity, SessionAffinityConfig, TrafficDistribution,
    TrafficPolicy,
};

use crate::cluster::{spec_of, texts};
use crate::expect::{INVALID, Verdict, assert_refused, assert_verdict, fields};
use crate::specs::{alias, cluster_ip, headless, load_balancer, named, node_port, port, with};
use crate::stores::ControlPlane;

on_every_store!(
    s_enumerations_have_known_values,
    s_an_empty_selector_is_no_selector,
    s_affinity_has_a_timeout_of_a_day_at_most_and_no_configuration_without_it,
    s_policies_have_defaults_where_they_apply,
    s_traffic_distribution_can_be_set_and_cleared,
    s_an_external_name_is_a_dns_name_and_no_address,
    s_everything_wrong_is_said_at_once_up_to_fifty,
);

pub(crate) type Rows = Vec<(&'static str, ServiceSpec, Verdict)>;

/// Each row as a create, and what is refused also as an update of a plain Service.
pub(crate) fn check(plane: &'static ControlPlane, rows: Rows) {
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
pub(crate) fn bad(field: &'static str) -> Verdict {
    Err((INVALID, field))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn s_enumerations_have_known_values(plane: &'static ControlPlane) {
    check(
        plane,
        vec![
            (
                "type",
                with(cluster_ip(), |s| s.r#type = 9),
                bad("spec.type"),
            ),
            (
                "protocol",
                with(cluster_ip(), |s| s.ports[0].protocol = 9),
                bad("ports[0].protocol"),
            ),
            (
                "family",
                with(cluster_ip(), |s| s.ip_families = vec![9]),
                bad("ip_families[0]"),
            ),
            (
                "no family",
                with(cluster_ip(), |s| s.ip_families = vec![0]),
                bad("ip_families[0]"),
            ),
            (
                "family policy",
                with(cluster_ip(), |s| s.ip_family_policy = 9),
                bad("ip_family_policy"),
            ),
            (
                "affinity",
                with(cluster_ip(), |s| s.session_affinity = 9),
                bad("session_affinity"),
            ),
            (
                "external policy",
                with(node_port(), |s| s.external_traffic_policy = 9),
                bad("external_traffic_policy"),
            ),
            (
                "internal policy",
                with(cluster_ip(), |s| s.internal_traffic_policy = 9),
                bad("internal_traffic_policy"),
            ),
            (
                "distribution",
                with(cluster_ip(), |s| s.traffic_distribution = 9),
                bad("traffic_distribution"),
            ),
            (
                "negative",
                with(cluster_ip(), |s| s.r#type = -1),
                bad("spec.type"),
            ),
        ],
    );
    let cluster = plane.single();
    let spec = cluster.created(
        "web",
        with(ServiceSpec::default(), |s| s.ports = vec![port(80)]),
    );
    assert_eq!(
        spec.r#type(),
        v1::ServiceType::ClusterIp,
        "the default type"
    );
    assert_eq!(
        spec.ports[0].protocol(),
        v1::Protocol::Tcp,
        "the default protocol"
    );
    assert_eq!(
        spec.session_affinity(),
        SessionAffinity::None,
        "the default affinity"
    );
}

fn s_an_empty_selector_is_no_selector(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("w", &[("app", "web")], &["10.1.0.1"]);
    cluster.created("web", cluster_ip());
    assert_eq!(cluster.endpoints("web"), [], "never all workloads");
}

fn s_affinity_has_a_timeout_of_a_day_at_most_and_no_configuration_without_it(
    plane: &'static ControlPlane,
) {
    let configured = |affinity: SessionAffinity, seconds| {
        with(cluster_ip(), |s| {
            s.session_affinity = affinity.into();
            s.session_affinity_config = Some(SessionAffinityConfig {
                client_ip_timeout_seconds: Some(seconds),
            });
        })
    };
    let (sticks, not) = (SessionAffinity::ClientIp, SessionAffinity::None);
    let seconds = || bad("session_affinity_config.client_ip_timeout_seconds");
    check(
        plane,
        vec![
            ("a second", configured(sticks, 1), Ok(())),
            ("a day", configured(sticks, 86_400), Ok(())),
            ("more", configured(sticks, 86_401), seconds()),
            ("none", configured(sticks, 0), seconds()),
            ("negative", configured(sticks, -1), seconds()),
            (
                "without affinity",
                configured(not, 60),
                bad("session_affinity_config"),
            ),
        ],
    );
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn s_policies_have_defaults_where_they_apply(plane: &'static ControlPlane) {
    let (cluster_wide, local) = (TrafficPolicy::Cluster, TrafficPolicy::Local);
    let external = |spec, policy: TrafficPolicy| {
        with(spec, |s: &mut ServiceSpec| {
            s.external_traffic_policy = policy.into();
        })
    };
    let internal = |spec, policy: TrafficPolicy| {
        with(spec, |s: &mut ServiceSpec| {
            s.internal_traffic_policy = policy.into();
        })
    };
    let mut rows = vec![
        ("internal, headless", internal(headless(), local), Ok(())),
        (
            "internal Cluster, ExternalName",
            internal(alias(), cluster_wide),
            Ok(()),
        ),
        (
            "internal Local, ExternalName",
            internal(alias(), local),
            Ok(()),
        ),
    ];
    for policy in [cluster_wide, local] {
        rows.extend([
            (
                "external, ClusterIP",
                external(cluster_ip(), policy),
                bad("external_traffic_policy"),
            ),
            (
                "external, headless",
                external(headless(), policy),
                bad("external_traffic_policy"),
            ),
            (
                "external, ExternalName",
                external(alias(), policy),
                bad("external_traffic_policy"),
            ),
            ("external, NodePort", external(node_port(), policy), Ok(())),
            (
                "external, LoadBalancer",
                external(load_balancer(), policy),
                Ok(()),
            ),
            (
                "internal, ClusterIP",
                internal(cluster_ip(), policy),
                Ok(()),
            ),
        ]);
    }
    check(plane, rows);
    let cluster = plane.single();
    for (name, spec, external, internal) in [
        (
            "cluster",
            cluster_ip(),
            TrafficPolicy::Unspecified,
            cluster_wide,
        ),
        ("less", headless(), TrafficPolicy::Unspecified, cluster_wide),
        ("node", node_port(), cluster_wide, cluster_wide),
        ("balancer", load_balancer(), cluster_wide, cluster_wide),
        (
            "alias",
            internal(alias(), local),
            TrafficPolicy::Unspecified,
            TrafficPolicy::Unspecified,
        ),
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
    for wish in [
        TrafficDistribution::PreferSameZone,
        TrafficDistribution::PreferSameNode,
    ] {
        let wished = with(cluster_ip(), |s| s.traffic_distribution = wish.into());
        let path = ["spec.traffic_distribution"];
        let set = spec_of(cluster.patch("web", &path, wished).expect("set"));
        assert_eq!(set.traffic_distribution(), wish);
        let cleared = spec_of(cluster.patch("web", &path, cluster_ip()).expect("cleared"));
        assert_eq!(cleared, unset);
    }
}

fn s_an_external_name_is_a_dns_name_and_no_address(plane: &'static ControlPlane) {
    let name = |text: &str| with(alias(), |s| text.clone_into(&mut s.external_name));
    let label = "a".repeat(63);
    let long = [&label[..], &label, &label, &label[..61]].join(".");
    let refused = || bad("spec.external_name");
    check(
        plane,
        vec![
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
        ],
    );
}

fn s_everything_wrong_is_said_at_once_up_to_fifty(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let wrong = with(cluster_ip(), |s| {
        s.ports = vec![
            named("A", 0),
            ServicePort {
                protocol: 9,
                ..named("b", 70_000)
            },
        ];
        s.cluster_ips = texts(&["x"]);
        s.session_affinity = 9;
        s.external_traffic_policy = TrafficPolicy::Local.into();
        s.selector = [("a b".to_owned(), String::new())].into();
    });
    let create = |spec| {
        cluster.create_with("web", spec, |r| {
            "Web".clone_into(&mut r.service_id);
            r.service.as_mut().expect("a Service").labels =
                [("-".to_owned(), String::new())].into();
        })
    };
    let status = create(wrong).expect_err("all of it");
    let said = fields(&status);
    for field in [
        "service_id",
        "spec.ports[0].port",
        "spec.ports[0].name",
        "spec.ports[1].port",
        "spec.ports[1].protocol",
        "spec.cluster_ips[0]",
        "spec.session_affinity",
        "spec.external_traffic_policy",
        "spec.selector[\"a b\"]",
        "service.labels[\"-\"]",
    ] {
        assert!(
            said.iter().any(|at| at.ends_with(field)),
            "{field} is not among {said:?}"
        );
    }
    let many = with(cluster_ip(), |s| {
        s.ports = (0..60).map(|i| named(&format!("p{i}"), 0)).collect();
    });
    let status = create(many).expect_err("too much of it");
    assert_eq!(fields(&status).len(), 50);
    assert_refused("as a refusal", Err::<(), _>(status), INVALID, "service_id");
}
