//! §3.1 and §3.2: which endpoints a Service has, and in which condition.

use portolan_proto::v1;
use v1::service_port::Target;
use v1::{ConditionStatus, EndpointPort, EndpointSpec, Protocol, ServicePort, ServiceSpec};

use crate::cluster::{Cluster, texts};
use crate::expect::{FAILED, INVALID, assert_refused};
use crate::specs::{
    PREFER, alias, cluster_ip, headless, named, with, with_more, with_policy, with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    e_a_selector_takes_what_has_all_of_its_labels_in_its_namespace,
    e_a_family_has_the_workloads_that_have_it,
    e_a_named_target_is_looked_up_by_name_and_protocol_on_each_workload,
    e_a_headless_service_without_ports_has_endpoints_without_ports,
    e_a_hostname_is_published_below_its_subdomain_alone,
    e_conditions_follow_probe_draining_and_publishing,
    e_without_the_selector_endpoints_stay_and_a_new_one_takes_them_over,
    e_an_external_name_has_none,
    e_hand_written_ones_are_checked_and_belong_to_their_source,
    e_port_names_that_do_not_match_are_told,
    e_a_service_created_again_has_endpoints_of_its_own,
);

const WEB: [(&str, &str); 1] = [("app", "web")];

/// With the selector that takes [`WEB`].
fn selecting(spec: ServiceSpec) -> ServiceSpec {
    with(spec, |s| {
        s.selector = [("app".to_owned(), "web".to_owned())].into();
    })
}

fn addresses(cluster: &Cluster, service: &str) -> Vec<String> {
    let endpoints = cluster.endpoints(service).into_iter();
    endpoints.map(|endpoint| endpoint.address).collect()
}

/// Names and numbers of an endpoint's ports.
fn ports(endpoint: &EndpointSpec) -> Vec<(&str, i32)> {
    let ports = endpoint.ports.iter();
    ports
        .map(|port| (&port.service_port[..], port.port))
        .collect()
}

fn e_a_selector_takes_what_has_all_of_its_labels_in_its_namespace(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let both = with(cluster_ip(), |s| {
        let pairs = [("app", "web"), ("tier", "front")];
        s.selector = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    });
    cluster.created("both", both);
    cluster.created("web", selecting(cluster_ip()));
    cluster.workload(
        "a",
        &[("app", "web"), ("tier", "front"), ("more", "x")],
        &["10.1.0.1"],
    );
    cluster.workload("b", &WEB, &["10.1.0.2"]);
    cluster.workload("c", &[("app", "other"), ("tier", "front")], &["10.1.0.3"]);
    assert_eq!(addresses(&cluster, "both"), ["10.1.0.1"]);
    assert_eq!(addresses(&cluster, "web"), ["10.1.0.1", "10.1.0.2"]);
    // Labels, addresses and selectors that change, and workloads that go.
    cluster.workload("b", &[("app", "web"), ("tier", "front")], &["10.1.0.22"]);
    cluster.workload("c", &WEB, &["10.1.0.3"]);
    assert_eq!(addresses(&cluster, "both"), ["10.1.0.1", "10.1.0.22"]);
    assert_eq!(
        addresses(&cluster, "web"),
        ["10.1.0.1", "10.1.0.3", "10.1.0.22"]
    );
    cluster.delete_workload("a");
    let other = with(cluster_ip(), |s| {
        s.selector = [("tier".to_owned(), "front".to_owned())].into();
    });
    cluster
        .patch("both", &["spec.selector"], other)
        .expect("another selector");
    assert_eq!(addresses(&cluster, "both"), ["10.1.0.22"]);
    assert_eq!(addresses(&cluster, "web"), ["10.1.0.3", "10.1.0.22"]);
}

fn e_a_family_has_the_workloads_that_have_it(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    cluster.workload("four", &WEB, &["10.1.0.1"]);
    cluster.workload("six", &WEB, &["fd01::2"]);
    cluster.workload("both", &WEB, &["10.1.0.3", "fd01::3"]);
    cluster.created("single", selecting(cluster_ip()));
    cluster.created("dual", with_policy(selecting(cluster_ip()), PREFER));
    assert_eq!(addresses(&cluster, "single"), ["10.1.0.1", "10.1.0.3"]);
    assert_eq!(
        addresses(&cluster, "dual"),
        ["10.1.0.1", "10.1.0.3", "fd01::2", "fd01::3"]
    );
    let upgraded = with_policy(ServiceSpec::default(), PREFER);
    cluster
        .patch("single", &["spec.ip_family_policy"], upgraded)
        .expect("an upgrade");
    assert_eq!(addresses(&cluster, "single"), addresses(&cluster, "dual"));
}

fn e_a_named_target_is_looked_up_by_name_and_protocol_on_each_workload(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    let to = |port, name: &str| ServicePort {
        target: Some(Target::TargetPortName(name.to_owned())),
        ..port
    };
    let udp = crate::specs::udp("dns", 53);
    let spec = with_ports(
        cluster_ip(),
        [
            to(named("web", 80), "http"),
            to(udp, "dns"),
            named("raw", 9000),
        ],
    );
    cluster.created("web", selecting(spec));
    let serves = |name: &str, address: &str, ports: &[(&str, i32, Protocol)]| {
        cluster.workload_with(name, &WEB, &[address], |s| {
            let port = |&(name, port, protocol): &(&str, i32, Protocol)| v1::WorkloadPort {
                name: name.to_owned(),
                port,
                protocol: protocol.into(),
            };
            s.ports = ports.iter().map(port).collect();
        });
    };
    serves(
        "a",
        "10.1.0.1",
        &[("http", 8080, Protocol::Tcp), ("dns", 5353, Protocol::Udp)],
    );
    serves(
        "b",
        "10.1.0.2",
        &[("http", 9090, Protocol::Tcp), ("dns", 5353, Protocol::Tcp)],
    );
    serves("c", "10.1.0.3", &[]);
    let endpoints = cluster.endpoints("web");
    let all: Vec<_> = endpoints.iter().map(ports).collect();
    assert_eq!(all[0], [("web", 8080), ("dns", 5353), ("raw", 9000)]);
    assert_eq!(
        all[1],
        [("web", 9090), ("raw", 9000)],
        "a TCP port is no UDP port"
    );
    assert_eq!(all[2], [("raw", 9000)], "what is not found is left out");
}

fn e_a_headless_service_without_ports_has_endpoints_without_ports(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("a", &WEB, &["10.1.0.1"]);
    cluster.created("web", with_ports(headless(), []));
    let endpoints = cluster.endpoints("web");
    assert_eq!(endpoints.len(), 1);
    assert_eq!(ports(&endpoints[0]), []);
}

fn e_a_hostname_is_published_below_its_subdomain_alone(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", headless());
    for (name, hostname, subdomain, want) in [
        ("match", "h1", "web", "h1"),
        ("other", "h2", "db", ""),
        ("none", "h3", "", ""),
        ("no-host", "", "web", ""),
    ] {
        cluster.workload_with(name, &WEB, &["10.1.0.1"], |s| {
            hostname.clone_into(&mut s.hostname);
            subdomain.clone_into(&mut s.subdomain);
        });
        assert_eq!(cluster.endpoints("web")[0].hostname, want, "{name}");
        cluster.delete_workload(name);
    }
}

fn e_conditions_follow_probe_draining_and_publishing(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let publishes = with(selecting(cluster_ip()), |s| {
        s.publish_not_ready_addresses = true;
    });
    cluster.created("web", selecting(cluster_ip()));
    cluster.created("all", publishes);
    let probe = v1::Probe {
        action: Some(v1::probe::Action::TcpConnect(v1::TcpConnect {
            target: Some(v1::tcp_connect::Target::Port(80)),
        })),
        ..v1::Probe::default()
    };
    for (row, healthy, draining, [serving, terminating, ready]) in [
        ("healthy", true, false, [true, false, true]),
        ("probe failing", false, false, [false, false, false]),
        ("draining, still healthy", true, true, [true, true, false]),
        ("draining, failing", false, true, [false, true, false]),
    ] {
        // Its node is not registered, so what is reported counts.
        cluster.workload_with("w", &WEB, &["10.1.0.1"], |s| {
            "n1".clone_into(&mut s.node);
            s.readiness_probe = Some(probe.clone());
            s.reported_ready = Some(healthy);
            s.draining = draining;
        });
        for (name, ready) in [("web", ready), ("all", true)] {
            let endpoint = cluster.endpoints(name).remove(0);
            let got =
                [endpoint.serving, endpoint.terminating, endpoint.ready].map(|c| c == Some(true));
            assert_eq!(got, [serving, terminating, ready], "{row}: {name}");
        }
    }
    // Not set on the wire: ready, serving, not terminating.
    cluster.created("hand", cluster_ip());
    let unset = EndpointSpec {
        address: "10.1.0.9".to_owned(),
        ..EndpointSpec::default()
    };
    cluster
        .write_endpoints("hand", "test", vec![unset])
        .expect("by hand");
    let endpoint = cluster.endpoints("hand").remove(0);
    assert_eq!(
        (endpoint.ready, endpoint.serving, endpoint.terminating),
        (Some(true), Some(true), Some(false))
    );
}

fn e_without_the_selector_endpoints_stay_and_a_new_one_takes_them_over(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    cluster.created("web", selecting(cluster_ip()));
    cluster.workload("a", &WEB, &["10.1.0.1"]);
    let before = cluster.endpoints("web");
    cluster
        .patch("web", &["spec.selector"], cluster_ip())
        .expect("without a selector");
    assert_eq!(cluster.endpoints("web"), before, "they stay as they are");
    cluster.workload("b", &WEB, &["10.1.0.2"]);
    assert_eq!(cluster.endpoints("web"), before, "and no more come");
    let hand = EndpointSpec {
        address: "10.1.0.9".to_owned(),
        ..EndpointSpec::default()
    };
    cluster
        .write_endpoints("web", "test", vec![hand])
        .expect("beside them");
    assert_eq!(addresses(&cluster, "web"), ["10.1.0.1", "10.1.0.9"]);
    cluster
        .patch("web", &["spec.selector"], selecting(cluster_ip()))
        .expect("a selector again");
    assert_eq!(addresses(&cluster, "web"), ["10.1.0.1", "10.1.0.2"]);
}

fn e_an_external_name_has_none(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("a", &WEB, &["10.1.0.1"]);
    cluster.created("web", selecting(cluster_ip()));
    assert_eq!(addresses(&cluster, "web").len(), 1);
    let to = selecting(alias());
    cluster
        .patch("web", &["spec.type", "spec.external_name"], to)
        .expect("to ExternalName");
    assert_eq!(addresses(&cluster, "web").len(), 0);
    cluster
        .patch("web", &["spec.type"], cluster_ip())
        .expect("and back");
    assert_eq!(addresses(&cluster, "web").len(), 1);
}

fn e_hand_written_ones_are_checked_and_belong_to_their_source(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", cluster_ip());
    cluster.created("selecting", selecting(cluster_ip()));
    let at = |address: &str| EndpointSpec {
        address: address.to_owned(),
        ..EndpointSpec::default()
    };
    for (row, address, code) in [
        ("loopback", "127.0.0.1", FAILED),
        ("IPv6 loopback", "::1", FAILED),
        ("link-local", "169.254.1.1", INVALID),
        ("IPv6 link-local", "fe80::1", INVALID),
        ("unspecified", "0.0.0.0", INVALID),
        ("multicast", "224.0.0.5", INVALID),
        ("reserved", "240.0.0.1", INVALID),
        ("loopback by another name", "64:ff9b::7f00:1", INVALID),
        ("a virtual address", "10.96.0.10", FAILED),
        ("no address", "web", INVALID),
        ("leading zeros", "010.1.0.1", INVALID),
        ("mapped", "::ffff:10.1.0.1", INVALID),
    ] {
        let answer = cluster.write_endpoints("web", "test", vec![at(address)]);
        assert_refused(row, answer, code, "endpoints[0].spec.address");
    }
    let twice = cluster.write_endpoints("web", "test", vec![at("10.1.0.1"), at("10.1.0.1")]);
    assert_refused("twice", twice, INVALID, "endpoints[1].spec.address");
    let named = with_more(at("10.1.0.1"), |s| "a.b".clone_into(&mut s.hostname));
    assert_refused(
        "a host name",
        cluster.write_endpoints("web", "test", vec![named]),
        INVALID,
        "endpoints[0].spec.hostname",
    );
    let selected = cluster.write_endpoints("selecting", "test", vec![at("10.1.0.1")]);
    assert_refused("beside a selector", selected, FAILED, "services/selecting");
    let write = |source: &str, list: &[&str]| {
        let list = list.iter().map(|address| at(address)).collect();
        cluster.write_endpoints("web", source, list).expect("fine");
    };
    write("a", &["10.1.0.1", "10.1.0.2"]);
    write("b", &["10.1.0.3"]);
    write("a", &["10.1.0.2"]);
    assert_eq!(
        addresses(&cluster, "web"),
        ["10.1.0.2", "10.1.0.3"],
        "another source is left alone"
    );
    write("b", &[]);
    assert_eq!(addresses(&cluster, "web"), ["10.1.0.2"]);
}

fn e_port_names_that_do_not_match_are_told(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", with_ports(cluster_ip(), [named("http", 80)]));
    let with_port = |name: &str| EndpointSpec {
        address: "10.1.0.1".to_owned(),
        ports: vec![EndpointPort {
            service_port: name.to_owned(),
            port: 8080,
            ..EndpointPort::default()
        }],
        ..EndpointSpec::default()
    };
    for (name, status, reason) in [
        ("htttp", ConditionStatus::False, "PortNameMismatch"),
        ("http", ConditionStatus::True, "Resolved"),
    ] {
        cluster
            .write_endpoints("web", "test", vec![with_port(name)])
            .expect("fine");
        let status_of = cluster.get("web").status.expect("a status");
        let resolved = status_of
            .conditions
            .iter()
            .find(|c| c.r#type == "EndpointsResolved");
        let resolved = resolved.expect("the condition");
        assert_eq!(
            (resolved.status(), &resolved.reason[..]),
            (status, reason),
            "{name}"
        );
    }
}

fn e_a_service_created_again_has_endpoints_of_its_own(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", cluster_ip());
    let hand = EndpointSpec {
        address: "10.1.0.9".to_owned(),
        ..EndpointSpec::default()
    };
    cluster
        .write_endpoints("web", "test", vec![hand])
        .expect("by hand");
    cluster.delete("web").expect("it goes");
    assert_eq!(cluster.endpoints("web"), [], "and they with it");
    cluster.created("web", cluster_ip());
    assert_eq!(cluster.endpoints("web"), [], "the new one inherits none");
    assert_eq!(cluster.get("web").status.expect("a status").endpoints, 0);
    assert_eq!(texts(&[]), addresses(&cluster, "web"));
}
