//! §1.3: fields that contradict each other, and fields that have no effect.

use portolan_proto::v1;
use v1::{ServiceSpec, SessionAffinity};

use crate::cluster::{spec_of, texts};
use crate::expect::{INVALID, assert_refused};
use crate::specs::{
    PREFER, alias, cluster_ip, headless, load_balancer, named, node_port, port, udp, with,
    with_addresses, with_families, with_policy, with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    x_types_with_node_ports_are_not_headless,
    x_an_external_name_has_neither_addresses_nor_families,
    x_what_has_no_effect_is_taken_with_a_warning,
    x_both_transports_on_one_load_balancer_are_fine,
    x_each_combination_of_type_and_headless_is_decided_the_same_on_create_and_update,
);

fn x_types_with_node_ports_are_not_headless(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (row, spec) in [("NodePort", node_port()), ("LoadBalancer", load_balancer())] {
        let spec = with_addresses(spec, &["None"]);
        assert_refused(
            row,
            cluster.create("web", spec.clone()),
            INVALID,
            "spec.cluster_ips",
        );
        let families = with_policy(with_families(spec, &[4, 6]), PREFER);
        assert_refused(
            row,
            cluster.create("web", families),
            INVALID,
            "spec.cluster_ips",
        );
    }
}

fn x_an_external_name_has_neither_addresses_nor_families(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    for (row, spec, field) in [
        (
            "an address",
            with_addresses(alias(), &["10.96.0.9"]),
            "spec.cluster_ips",
        ),
        (
            "None",
            with_addresses(alias(), &["None"]),
            "spec.cluster_ips",
        ),
        ("families", with_families(alias(), &[4]), "spec.ip_families"),
        (
            "a policy",
            with_policy(alias(), PREFER),
            "spec.ip_family_policy",
        ),
    ] {
        assert_refused(row, cluster.create("web", spec.clone()), INVALID, field);
        cluster.created("web", cluster_ip());
        // What it had goes by itself; what the same write says anew does not.
        let anew = if row == "an address" {
            with_addresses(spec, &["10.96.0.99"])
        } else {
            spec
        };
        let anew = if row == "families" {
            with_families(anew, &[6])
        } else {
            anew
        };
        assert_refused(
            &format!("{row}, as an update"),
            cluster.put("web", anew),
            INVALID,
            field,
        );
        cluster.delete("web").expect(row);
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn x_what_has_no_effect_is_taken_with_a_warning(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let affine = |spec| {
        with(spec, |s: &mut ServiceSpec| {
            s.session_affinity = SessionAffinity::ClientIp.into();
        })
    };
    for (row, spec, word) in [
        (
            "a name of another type",
            with(cluster_ip(), |s| {
                "a.example".clone_into(&mut s.external_name);
            }),
            "external_name",
        ),
        (
            "affinity of a headless one",
            affine(headless()),
            "session_affinity",
        ),
        ("affinity of an alias", affine(alias()), "session_affinity"),
        (
            "a selector of an alias",
            with(alias(), |s| s.selector = headless().selector),
            "selector",
        ),
        (
            "a load-balancer address of another type",
            with(cluster_ip(), |s| {
                s.requested_load_balancer_ips = texts(&["192.0.2.1"]);
            }),
            "requested_load_balancer_ips",
        ),
        (
            "a load-balancer address of a headless one",
            with(headless(), |s| {
                s.requested_load_balancer_ips = texts(&["192.0.2.1"]);
            }),
            "requested_load_balancer_ips",
        ),
    ] {
        let answer = cluster.create("web", spec).expect(row);
        assert!(
            answer.warnings.iter().any(|w| w.contains(word)),
            "{row}: {:?}",
            answer.warnings
        );
        assert!(
            cluster.get("web").warnings.is_empty(),
            "{row}: only in answers to writes"
        );
        let again = cluster.put("web", spec_of(answer)).expect(row);
        assert!(
            again.warnings.iter().any(|w| w.contains(word)),
            "{row}: on updates, too"
        );
        cluster.delete("web").expect(row);
    }
    assert!(
        cluster
            .create("web", cluster_ip())
            .expect("plain")
            .warnings
            .is_empty()
    );
}

fn x_both_transports_on_one_load_balancer_are_fine(plane: &'static ControlPlane) {
    let cluster = plane.single();
    let sctp = v1::ServicePort {
        protocol: v1::Protocol::Sctp.into(),
        ..named("c", 443)
    };
    let spec = with_ports(load_balancer(), [named("a", 443), udp("b", 443), sctp]);
    let numbers = crate::cluster::node_ports(&cluster.created("web", spec));
    assert_eq!(numbers, [numbers[0]; 3], "they share a number");
}

fn x_each_combination_of_type_and_headless_is_decided_the_same_on_create_and_update(
    plane: &'static ControlPlane,
) {
    let cluster = plane.single();
    for to in [cluster_ip(), node_port(), load_balancer(), alias()] {
        for none in [false, true] {
            let to = if none {
                with_addresses(to.clone(), &["None"])
            } else {
                to.clone()
            };
            let created = cluster.create("new", to.clone());
            cluster.created("old", with_ports(alias(), [port(80)]));
            let updated = cluster.put("old", to.clone());
            let row = format!("{:?}, None: {none}", to.r#type());
            assert_eq!(
                created.is_ok(),
                updated.is_ok(),
                "{row}: {created:?}, {updated:?}"
            );
            for name in ["new", "old"] {
                cluster
                    .delete_with(name, |r| r.allow_missing = true)
                    .expect("they go");
            }
        }
    }
}
