//! Changes of type and of fields that can't change.

use portolan_model::{ClusterIps, ServiceSpec, ServiceType, TrafficPolicy};

use super::world::{World, cluster_ip, node_port, reason, with_address};

fn alias() -> ServiceSpec {
    ServiceSpec {
        kind: ServiceType::ExternalName,
        external_name: Some("db.example.com".to_owned()),
        ..ServiceSpec::default()
    }
}

fn headless() -> ServiceSpec {
    ServiceSpec {
        cluster_ips: ClusterIps::None,
        ..cluster_ip()
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn types_change_with_what_they_hold() {
    for (case, from, to, address, node_port) in [
        (
            "ClusterIP to NodePort",
            cluster_ip(),
            node_port(),
            "kept",
            true,
        ),
        (
            "NodePort to ClusterIP",
            node_port(),
            cluster_ip(),
            "kept",
            false,
        ),
        (
            "ClusterIP to ExternalName",
            cluster_ip(),
            alias(),
            "none",
            false,
        ),
        (
            "NodePort to ExternalName",
            node_port(),
            alias(),
            "none",
            false,
        ),
        (
            "ExternalName to ClusterIP",
            alias(),
            cluster_ip(),
            "new",
            false,
        ),
        (
            "ExternalName to NodePort",
            alias(),
            node_port(),
            "new",
            true,
        ),
        (
            "ExternalName to headless",
            alias(),
            headless(),
            "none",
            false,
        ),
        (
            "headless to ExternalName",
            headless(),
            alias(),
            "none",
            false,
        ),
    ] {
        let mut world = World::usual();
        let before = world.create("web", from).unwrap().spec;
        let after = world
            .apply("web", to)
            .unwrap_or_else(|refusal| panic!("{case}: {refusal}"))
            .spec;
        match address {
            "kept" => assert_eq!(before.cluster_ips, after.cluster_ips, "{case}"),
            "new" => assert_eq!(after.cluster_ips.addresses().len(), 1, "{case}"),
            _ => assert!(after.cluster_ips.addresses().is_empty(), "{case}"),
        }
        assert_eq!(
            after.ports.iter().any(|p| p.node_port.is_some()),
            node_port,
            "{case}"
        );
        let held = usize::from(!after.cluster_ips.addresses().is_empty());
        assert_eq!(
            world.state.ip_claims().count(),
            held,
            "{case}: nothing leaks"
        );
        assert_eq!(
            world.state.port_claims().count(),
            usize::from(node_port),
            "{case}: nothing leaks"
        );
        let external = after.external_traffic_policy;
        assert_eq!(
            external,
            node_port.then_some(TrafficPolicy::Cluster),
            "{case}"
        );
    }
}

#[test]
fn a_stored_specification_can_be_sent_back_with_another_type() {
    let mut world = World::usual();
    let stored = world.create("web", node_port()).unwrap().spec;
    let echoed = ServiceSpec {
        kind: ServiceType::ClusterIP,
        ..stored
    };
    let after = world
        .apply("web", echoed)
        .expect("what the system filled in is wiped")
        .spec;
    assert_eq!(after.ports[0].node_port, None);
    let wrong = ServiceSpec {
        external_traffic_policy: Some(TrafficPolicy::Local),
        ..after
    };
    assert_eq!(reason(&world.apply("web", wrong).unwrap_err()), "INVALID");
}

#[test]
fn what_is_fixed_stays() {
    for (case, from, to, expected) in [
        (
            "left out means kept",
            with_address("10.96.0.10"),
            cluster_ip(),
            None,
        ),
        (
            "the same address",
            with_address("10.96.0.10"),
            with_address("10.96.0.10"),
            None,
        ),
        (
            "another address",
            with_address("10.96.0.10"),
            with_address("10.96.0.11"),
            Some("IMMUTABLE"),
        ),
        ("headless left out", headless(), cluster_ip(), None),
        ("to headless", cluster_ip(), headless(), Some("IMMUTABLE")),
        (
            "from headless",
            headless(),
            with_address("10.96.0.11"),
            Some("IMMUTABLE"),
        ),
    ] {
        let mut world = World::usual();
        let before = world.create("web", from).unwrap().spec.cluster_ips;
        let result = world.apply("web", to);
        assert_eq!(result.as_ref().err().map(reason), expected, "{case}");
        if let Ok(after) = result {
            assert_eq!(after.spec.cluster_ips, before, "{case}");
        }
    }
}

#[test]
fn specifications_that_contradict_themselves_are_refused() {
    let two_unnamed = ServiceSpec {
        ports: vec![super::world::port("", 80), super::world::port("", 81)],
        ..cluster_ip()
    };
    let twice = ServiceSpec {
        ports: vec![super::world::port("a", 80), super::world::port("b", 80)],
        ..cluster_ip()
    };
    for (case, spec) in [
        (
            "headless NodePort",
            ServiceSpec {
                cluster_ips: ClusterIps::None,
                ..node_port()
            },
        ),
        (
            "ExternalName with an address",
            ServiceSpec {
                cluster_ips: with_address("10.96.0.9").cluster_ips,
                ..alias()
            },
        ),
        (
            "ExternalName that is an address",
            ServiceSpec {
                external_name: Some("192.0.2.1".to_owned()),
                ..alias()
            },
        ),
        (
            "ExternalName without a name",
            ServiceSpec {
                external_name: None,
                ..alias()
            },
        ),
        (
            "external policy on ClusterIP",
            ServiceSpec {
                external_traffic_policy: Some(TrafficPolicy::Local),
                ..cluster_ip()
            },
        ),
        ("no ports", ServiceSpec::default()),
        ("two ports without names", two_unnamed),
        ("one port twice", twice),
    ] {
        let mut world = World::usual();
        let before = world.state.digest();
        assert_eq!(
            reason(&world.create("web", spec).unwrap_err()),
            "INVALID",
            "{case}"
        );
        assert_eq!(world.state.digest(), before, "{case}");
    }
}
