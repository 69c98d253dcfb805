//! A manifest that is applied again, or with a little more or less in it: what was allocated and is left out stays.

use portolan_model::{
    ClusterIps, Family, FamilyPolicy, Refusal, ServicePort, ServiceSpec, SessionAffinity,
};

use super::world::{World, cluster_ip, ip, node_port, port, reason};

const V4: &str = "10.96.0.10";
const V6: &str = "fd00::a";

fn asking(addresses: &[&str], families: &[Family], policy: Option<FamilyPolicy>) -> ServiceSpec {
    ServiceSpec {
        cluster_ips: ClusterIps::Addresses(addresses.iter().map(|a| ip(a)).collect()),
        families: families.to_vec(),
        family_policy: policy,
        ..cluster_ip()
    }
}

#[test]
fn what_was_allocated_and_is_left_out_is_kept() {
    use FamilyPolicy::{PreferDualStack, RequireDualStack};
    let both = [Family::V4, Family::V6];
    let prefer = Some(PreferDualStack);
    for (case, first, second) in [
        (
            "an address and Prefer",
            asking(&[V4], &[], prefer),
            asking(&[V4], &[], prefer),
        ),
        (
            "an address and Require",
            asking(&[V4], &[], Some(RequireDualStack)),
            asking(&[V4], &[], Some(RequireDualStack)),
        ),
        (
            "one family and Prefer",
            asking(&[], &[Family::V4], prefer),
            asking(&[], &[Family::V4], prefer),
        ),
        (
            "one family, then without a policy",
            asking(&[], &[Family::V6], prefer),
            asking(&[], &[Family::V6], None),
        ),
        (
            "both, then one family alone",
            asking(&[], &both, prefer),
            asking(&[], &[Family::V4], None),
        ),
        (
            "both, then one address alone",
            asking(&[V4, V6], &both, prefer),
            asking(&[V4], &[], None),
        ),
        (
            "both, then nothing",
            asking(&[V4, V6], &both, prefer),
            asking(&[], &[], None),
        ),
    ] {
        let mut world = World::dual();
        let before = world.create("web", first).unwrap();
        assert_eq!(before.spec.cluster_ips.addresses().len(), 2, "{case}");
        let after = world
            .apply("web", second)
            .unwrap_or_else(|refusal| panic!("{case}: {refusal}"));
        assert_eq!(after, before, "{case}: unchanged");
    }
}

#[test]
fn an_upgrade_to_two_families_is_unchanged_the_second_time() {
    let mut world = World::dual();
    let single = world.create("web", asking(&[V4], &[], None)).unwrap();
    assert_eq!(single.spec.cluster_ips.addresses(), [ip(V4)]);
    let wanted = asking(&[V4], &[Family::V4], Some(FamilyPolicy::PreferDualStack));
    let dual = world.apply("web", wanted.clone()).unwrap();
    assert_eq!(dual.spec.cluster_ips.addresses().len(), 2);
    assert_eq!(world.apply("web", wanted).unwrap(), dual);
    let single = asking(&[V4], &[], Some(FamilyPolicy::SingleStack));
    let after = world.apply("web", single).unwrap();
    assert_eq!(
        after.spec.cluster_ips.addresses(),
        [ip(V4)],
        "only the policy gives one up"
    );
}

#[test]
fn a_refused_change_names_everything_that_was_sent_and_is_fixed() {
    let prefer = Some(FamilyPolicy::PreferDualStack);
    let fixed = |path: &str| format!("service.spec.{path}");
    for (case, wanted, expected) in [
        (
            "both lists the other way round",
            asking(&[V6, V4], &[Family::V6, Family::V4], prefer),
            vec![
                "cluster_ips[0]",
                "cluster_ips[1]",
                "ip_families[0]",
                "ip_families[1]",
            ],
        ),
        (
            "another first address",
            asking(&["10.96.0.11"], &[], prefer),
            vec!["cluster_ips[0]"],
        ),
        (
            "one of the other family",
            asking(&[V6], &[], prefer),
            vec!["cluster_ips[0]"],
        ),
        (
            "the families alone",
            asking(&[], &[Family::V6], None),
            vec!["ip_families[0]"],
        ),
    ] {
        let mut world = World::dual();
        world
            .create("web", asking(&[V4, V6], &[Family::V4, Family::V6], prefer))
            .unwrap();
        match world.apply("web", wanted) {
            Err(Refusal::Immutable { violations }) => {
                let found: Vec<_> = violations.iter().map(|v| v.field.clone()).collect();
                let expected: Vec<_> = expected.into_iter().map(fixed).collect();
                assert_eq!(found, expected, "{case}");
                assert!(
                    violations
                        .iter()
                        .all(|v| v.description.contains("leave it out"))
                );
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn two_families_without_a_policy_are_wrong_whatever_the_cluster_has() {
    let both = [Family::V4, Family::V6];
    for (case, spec) in [
        ("no policy", asking(&[], &both, None)),
        (
            "SingleStack",
            asking(&[], &both, Some(FamilyPolicy::SingleStack)),
        ),
        ("two addresses", asking(&[V4, V6], &[], None)),
    ] {
        let mut world = World::usual();
        for refused in [world.create("web", spec.clone()), world.apply("web", spec)] {
            let refused = refused.expect_err(case);
            assert_eq!(reason(&refused), "INVALID", "{case}");
            assert!(
                refused.to_string().contains("ip_family_policy"),
                "{case}: {refused}"
            );
        }
    }
}

#[test]
fn what_an_update_says_is_refused_where_a_create_would_refuse_it() {
    let sticky = |seconds| ServiceSpec {
        session_affinity: SessionAffinity::ClientIP,
        affinity_timeout: seconds,
        ..cluster_ip()
    };
    for seconds in [90, 1] {
        let mut world = World::usual();
        world.create("web", sticky(Some(seconds))).unwrap();
        let loose = ServiceSpec {
            session_affinity: SessionAffinity::None,
            ..sticky(Some(seconds))
        };
        for _ in 0..2 {
            let refused = world.apply("web", loose.clone()).unwrap_err();
            assert_eq!(reason(&refused), "INVALID", "{seconds}");
        }
        let without = world.apply("web", cluster_ip()).unwrap();
        assert_eq!(without.spec.affinity_timeout, None);
    }
}

fn numbered(port: ServicePort, node_port: u16) -> ServicePort {
    ServicePort {
        node_port: Some(node_port),
        ..port
    }
}

#[test]
fn a_port_keeps_its_node_port_under_another_name() {
    for (case, before, after, expected) in [
        (
            "it gets a name",
            vec![("", 80)],
            vec![("web", 80)],
            vec![30_001],
        ),
        (
            "it loses its name",
            vec![("web", 80)],
            vec![("", 80)],
            vec![30_001],
        ),
        (
            "one of two is renamed",
            vec![("a", 80), ("b", 81)],
            vec![("a", 80), ("c", 81)],
            vec![30_001, 30_002],
        ),
        (
            "names are exchanged: the name counts",
            vec![("a", 80), ("b", 81)],
            vec![("b", 80), ("a", 81)],
            vec![30_002, 30_001],
        ),
    ] {
        let spec = |ports: &[(&str, u16)]| ServiceSpec {
            ports: ports
                .iter()
                .map(|(name, number)| port(name, *number))
                .collect(),
            ..node_port()
        };
        let mut world = World::usual();
        let mut first = spec(&before);
        let ports = first.ports.into_iter().zip(30_001..);
        first.ports = ports.map(|(port, number)| numbered(port, number)).collect();
        world.create("web", first).unwrap();
        let kept = world.apply("web", spec(&after)).unwrap().spec.ports;
        let kept: Vec<_> = kept.iter().filter_map(|port| port.node_port).collect();
        assert_eq!(kept, expected, "{case}");
    }
}
