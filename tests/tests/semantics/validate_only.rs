//! §1.7: a rehearsal says exactly what the real call would, changes nothing, and leaves out what would be picked.

use portolan_proto::v1;
use portolan_tests::api::block_on;
use tonic::{Response, Status};

use crate::cluster::{Cluster, spec_of, texts};
use crate::expect::{EXHAUSTED, FAILED, assert_refused, fields};
use crate::specs::{
    PREFER, REQUIRE, alias, at, cluster_ip, headless, load_balancer, local_balancer, named,
    node_port, port, with, with_addresses, with_families, with_policy, with_ports,
};
use crate::stores::ControlPlane;

on_every_store!(
    v_a_rehearsal_of_each_write_says_what_the_write_then_says,
    v_what_would_be_picked_is_left_out_and_what_is_asked_for_is_shown,
    v_exhaustion_is_rehearsed_too,
    v_a_batch_is_rehearsed_as_a_whole,
);

/// Rehearses, then does it: same verdict, nothing changed before, nothing shown that was only picked.
fn rehearse(
    cluster: &Cluster,
    row: &str,
    act: impl Fn(bool) -> Result<v1::Service, Status>,
) -> Result<v1::Service, Status> {
    let before = (cluster.list(), cluster.status());
    let rehearsed = act(true);
    assert_eq!(
        (cluster.list(), cluster.status()),
        before,
        "{row}: nothing changed"
    );
    let done = act(false);
    match (&rehearsed, &done) {
        (Ok(shown), Ok(done)) => assert_shown(row, shown.spec.as_ref(), done.spec.as_ref()),
        (Err(said), Err(says)) => {
            assert_eq!(said.code(), says.code(), "{row}");
            assert_eq!(fields(said), fields(says), "{row}");
        }
        (said, says) => panic!("{row}: rehearsed {said:?}, then {says:?}"),
    }
    done
}

fn assert_shown(row: &str, shown: Option<&v1::ServiceSpec>, done: Option<&v1::ServiceSpec>) {
    let (Some(shown), Some(done)) = (shown, done) else {
        return assert_eq!(shown, done, "{row}");
    };
    let known = |address| done.cluster_ips.contains(address);
    assert!(shown.cluster_ips.iter().all(known), "{row}: {shown:?}");
    let same = with(shown.clone(), |s| {
        s.cluster_ips.clone_from(&done.cluster_ips);
        let health = &mut s.health_check_node_port;
        *health = if *health == 0 {
            done.health_check_node_port
        } else {
            *health
        };
        for (mine, theirs) in s.ports.iter_mut().zip(&done.ports) {
            if mine.node_port == 0 {
                mine.node_port = theirs.node_port;
            }
        }
    });
    assert_eq!(&same, done, "{row}: but for what was picked");
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn v_a_rehearsal_of_each_write_says_what_the_write_then_says(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let taken = with_addresses(node_port(), &["10.96.0.5"]);
    let taken = cluster.created("taken", with_ports(taken, [at(30_005, port(80))]));
    let create = |row: &str, spec: v1::ServiceSpec| {
        let name = row.replace(' ', "-").to_lowercase();
        let _ = rehearse(&cluster, row, |only| {
            cluster.create_with(&name, spec.clone(), |r| r.validate_only = only)
        });
    };
    create("plain", cluster_ip());
    create("node port", node_port());
    create("balancer", local_balancer());
    create("alias", alias());
    create("less", headless());
    create("dual", with_policy(cluster_ip(), PREFER));
    create(
        "asked",
        with_addresses(
            with_ports(node_port(), [at(30_006, port(80))]),
            &["10.96.0.6"],
        ),
    );
    create("invalid", with_ports(cluster_ip(), []));
    create("taken", cluster_ip());
    create(
        "address taken",
        with_addresses(cluster_ip(), &["10.96.0.5"]),
    );
    create(
        "port taken",
        with_ports(node_port(), [at(30_005, port(80))]),
    );
    create("outside", with_addresses(cluster_ip(), &["10.97.0.5"]));
    create("port outside", with_ports(node_port(), [at(80, port(80))]));
    let update = |row: &str, name: &str, paths: &[&str], spec: v1::ServiceSpec| {
        let _ = rehearse(&cluster, row, |only| {
            cluster.update(name, paths, spec.clone(), |r| r.validate_only = only)
        });
    };
    update("to NodePort", "plain", &["spec.type"], node_port());
    update("to LoadBalancer", "plain", &["*"], load_balancer());
    update(
        "upgrade",
        "plain",
        &["spec.ip_family_policy"],
        with_policy(cluster_ip(), REQUIRE),
    );
    update(
        "in place",
        "plain",
        &["*"],
        with_families(cluster_ip(), &[6, 4]),
    );
    update(
        "port taken",
        "node-port",
        &["spec.ports"],
        with_ports(node_port(), [at(30_005, port(80))]),
    );
    update(
        "invalid",
        "plain",
        &["spec.ports"],
        with_ports(cluster_ip(), []),
    );
    update("to ExternalName", "asked", &["*"], alias());
    update("to headless", "dual", &["*"], headless());
    update("unchanged", "taken", &["*"], taken);
    update("absent", "absent", &["*"], cluster_ip());
    let _ = rehearse(&cluster, "made by an update", |only| {
        cluster.update("made", &["*"], cluster_ip(), |r| {
            r.allow_missing = true;
            r.validate_only = only;
        })
    });
    for (row, name, etag) in [
        ("deleted", "plain", ""),
        ("gone", "plain", ""),
        ("another etag", "dual", "\"x\""),
    ] {
        let _ = rehearse(&cluster, row, |only| {
            cluster.delete_with(name, |r| {
                r.validate_only = only;
                etag.clone_into(&mut r.etag);
            })
        });
    }
    // What was meant to work did, and nothing else.
    let left: Vec<_> = cluster.list().into_iter().map(|s| s.name).collect();
    let names = left.iter().filter_map(|name| name.rsplit('/').next());
    let want = [
        "alias",
        "asked",
        "balancer",
        "dual",
        "less",
        "made",
        "node-port",
        "taken",
    ];
    assert_eq!(names.collect::<Vec<_>>(), want);
    assert_eq!(
        cluster.spec("asked").r#type(),
        v1::ServiceType::ExternalName
    );
    assert_eq!(cluster.spec("dual").cluster_ips.len(), 2);
}

fn v_what_would_be_picked_is_left_out_and_what_is_asked_for_is_shown(plane: &'static ControlPlane) {
    let cluster = plane.dual();
    let shown = |spec| {
        spec_of(
            cluster
                .create_with("web", spec, |r| r.validate_only = true)
                .expect("fine"),
        )
    };
    let spec = shown(with_policy(local_balancer(), REQUIRE));
    assert_eq!(spec.cluster_ips, texts(&[]));
    assert_eq!(
        (spec.ports[0].node_port, spec.health_check_node_port),
        (0, 0)
    );
    assert_eq!(spec.ip_families.len(), 2, "families are known");
    let asked = with_addresses(
        with_ports(node_port(), [at(30_006, named("a", 80)), named("b", 81)]),
        &["10.96.0.6"],
    );
    let spec = shown(asked);
    assert_eq!(spec.cluster_ips, texts(&["10.96.0.6"]));
    assert_eq!(
        [spec.ports[0].node_port, spec.ports[1].node_port],
        [30_006, 0]
    );
    let before = cluster.created("web", node_port());
    let upgraded = with_policy(before.clone(), REQUIRE);
    let upgraded = cluster.update("web", &["*"], upgraded, |r| r.validate_only = true);
    assert_eq!(
        spec_of(upgraded.expect("fine")).cluster_ips,
        before.cluster_ips,
        "what is held is shown"
    );
}

fn v_exhaustion_is_rehearsed_too(plane: &'static ControlPlane) {
    let cluster = plane.with_node_ports(30_000, 30_000);
    cluster.created("only", node_port());
    let answer = rehearse(&cluster, "a node port too many", |only| {
        cluster.create_with("web", node_port(), |r| r.validate_only = only)
    });
    assert_refused("a node port too many", answer, EXHAUSTED, "30000-30000");
    let small = plane.cluster(&["10.98.0.0/30"]);
    small.created("one", cluster_ip());
    small.created("two", cluster_ip());
    let answer = rehearse(&small, "an address too many", |only| {
        small.create_with("web", cluster_ip(), |r| r.validate_only = only)
    });
    assert_refused("an address too many", answer, EXHAUSTED, "10.98.0.0/30");
}

fn v_a_batch_is_rehearsed_as_a_whole(plane: &'static ControlPlane) {
    let cluster = plane.single();
    for (row, second, code) in [
        (
            "one address twice",
            with_addresses(cluster_ip(), &["10.96.0.9"]),
            Some(FAILED),
        ),
        (
            "one each",
            with_addresses(cluster_ip(), &["10.96.0.10"]),
            None,
        ),
    ] {
        for only in [true, false] {
            let first = with_addresses(cluster_ip(), &["10.96.0.9"]);
            let answer = batch(&cluster, [("a", first), ("b", second.clone())], only);
            let held = cluster.addresses_held();
            match code {
                Some(code) => drop(assert_refused(
                    row,
                    answer,
                    code,
                    "requests[1].service.spec.cluster_ips[0]",
                )),
                None => assert_eq!(answer.expect(row).services.len(), 2, "{row}"),
            }
            assert_eq!(held, if only || code.is_some() { 0 } else { 2 }, "{row}");
        }
    }
}

fn batch(
    cluster: &Cluster,
    services: [(&str, v1::ServiceSpec); 2],
    validate_only: bool,
) -> Result<v1::BatchCreateServicesResponse, Status> {
    let request = |(name, spec): (&str, _)| v1::CreateServiceRequest {
        service_id: name.to_owned(),
        service: Some(v1::Service {
            spec: Some(spec),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    };
    let request = v1::BatchCreateServicesRequest {
        parent: cluster.namespace(),
        requests: services.map(request).into(),
        validate_only,
        request_id: String::new(),
    };
    block_on(cluster.services().batch_create_services(request)).map(Response::into_inner)
}
