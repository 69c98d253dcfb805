//! From type to type: what is allocated, released and kept. Each row is taken three ways that users have: a new manifest,
//! a read-modify-write of everything, and a mask that names the type alone.

use portolan_proto::v1::{ServiceSpec, ServiceType};

use crate::cluster::{Cluster, node_ports, spec_of};
use crate::expect::{INVALID, assert_refused};
use crate::specs::{
    alias, at, cluster_ip, headless, load_balancer, local_balancer, node_port, port, with,
    with_addresses, with_ports,
};
use crate::stores::ControlPlane;

/// What becomes of something that is allocated.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Fate {
    Never,
    Taken,
    Kept,
    Released,
}

use Fate::{Kept, Never, Released, Taken};

/// Of addresses, node ports, and the port for health checks; or the field at which the change is refused.
type Row = Result<[Fate; 3], &'static str>;

/// A function and its tests for each row.
macro_rules! matrix {
    ($($case:ident: $from:expr => $to:expr, $row:expr;)+) => {
        $(fn $case(plane: &'static ControlPlane) {
            walk(plane, stringify!($case), &$from, &$to, $row);
        })+
        on_every_store!($($case),+);
    };
}

/// A load balancer without node ports.
fn bare() -> ServiceSpec {
    with(load_balancer(), |s| {
        s.allocate_load_balancer_node_ports = Some(false);
    })
}

/// An address and a number from outside the range of automatic picks, so that they can be told apart.
fn fixed() -> ServiceSpec {
    with_addresses(
        with_ports(node_port(), [at(30_007, port(80))]),
        &["10.96.0.7"],
    )
}

const AT_ADDRESSES: Row = Err("spec.cluster_ips");

matrix! {
    t_clusterip_to_clusterip: cluster_ip() => cluster_ip(), Ok([Kept, Never, Never]);
    t_clusterip_to_headless: cluster_ip() => headless(), AT_ADDRESSES;
    t_clusterip_to_nodeport: cluster_ip() => node_port(), Ok([Kept, Taken, Never]);
    t_clusterip_to_loadbalancer: cluster_ip() => load_balancer(), Ok([Kept, Taken, Never]);
    t_clusterip_to_loadbalancer_local: cluster_ip() => local_balancer(), Ok([Kept, Taken, Taken]);
    t_clusterip_to_loadbalancer_bare: cluster_ip() => bare(), Ok([Kept, Never, Never]);
    t_clusterip_to_externalname: cluster_ip() => alias(), Ok([Released, Never, Never]);
    t_headless_to_clusterip: headless() => with_addresses(cluster_ip(), &["10.96.0.7"]), AT_ADDRESSES;
    t_headless_to_headless: headless() => headless(), Ok([Never, Never, Never]);
    t_headless_to_nodeport: headless() => node_port(), AT_ADDRESSES;
    t_headless_to_loadbalancer: headless() => load_balancer(), AT_ADDRESSES;
    t_headless_to_loadbalancer_local: headless() => local_balancer(), AT_ADDRESSES;
    t_headless_to_loadbalancer_bare: headless() => bare(), AT_ADDRESSES;
    t_headless_to_externalname: headless() => alias(), Ok([Never, Never, Never]);
    t_nodeport_to_clusterip: node_port() => cluster_ip(), Ok([Kept, Released, Never]);
    t_nodeport_to_headless: node_port() => headless(), AT_ADDRESSES;
    t_nodeport_to_nodeport: node_port() => node_port(), Ok([Kept, Kept, Never]);
    t_nodeport_to_loadbalancer: node_port() => load_balancer(), Ok([Kept, Kept, Never]);
    t_nodeport_to_loadbalancer_local: node_port() => local_balancer(), Ok([Kept, Kept, Taken]);
    t_nodeport_to_externalname: node_port() => alias(), Ok([Released, Released, Never]);
    t_nodeport_asked_for_to_externalname: fixed() => alias(), Ok([Released, Released, Never]);
    t_loadbalancer_to_clusterip: load_balancer() => cluster_ip(), Ok([Kept, Released, Never]);
    t_loadbalancer_to_headless: load_balancer() => headless(), AT_ADDRESSES;
    t_loadbalancer_to_nodeport: load_balancer() => node_port(), Ok([Kept, Kept, Never]);
    t_loadbalancer_to_loadbalancer: load_balancer() => load_balancer(), Ok([Kept, Kept, Never]);
    t_loadbalancer_to_loadbalancer_local: load_balancer() => local_balancer(), Ok([Kept, Kept, Taken]);
    t_loadbalancer_to_externalname: load_balancer() => alias(), Ok([Released, Released, Never]);
    t_loadbalancer_local_to_clusterip: local_balancer() => cluster_ip(), Ok([Kept, Released, Released]);
    t_loadbalancer_local_to_nodeport: local_balancer() => node_port(), Ok([Kept, Kept, Released]);
    t_loadbalancer_local_to_loadbalancer_local: local_balancer() => local_balancer(), Ok([Kept, Kept, Kept]);
    t_loadbalancer_local_to_externalname: local_balancer() => alias(), Ok([Released, Released, Released]);
    t_loadbalancer_bare_to_clusterip: bare() => cluster_ip(), Ok([Kept, Never, Never]);
    t_loadbalancer_bare_to_nodeport: bare() => node_port(), Ok([Kept, Taken, Never]);
    t_loadbalancer_bare_to_loadbalancer: bare() => load_balancer(), Ok([Kept, Taken, Never]);
    t_loadbalancer_bare_to_externalname: bare() => alias(), Ok([Released, Never, Never]);
    t_externalname_to_clusterip: alias() => cluster_ip(), Ok([Taken, Never, Never]);
    t_externalname_to_headless: alias() => headless(), Ok([Never, Never, Never]);
    t_externalname_to_nodeport: alias() => node_port(), Ok([Taken, Taken, Never]);
    t_externalname_to_nodeport_asked_for: alias() => fixed(), Ok([Taken, Taken, Never]);
    t_externalname_to_loadbalancer: alias() => load_balancer(), Ok([Taken, Taken, Never]);
    t_externalname_to_loadbalancer_local: alias() => local_balancer(), Ok([Taken, Taken, Taken]);
    t_externalname_to_loadbalancer_bare: alias() => bare(), Ok([Taken, Never, Never]);
    t_externalname_to_externalname: alias() => alias(), Ok([Never, Never, Never]);
}

fn walk(plane: &'static ControlPlane, row: &str, from: &ServiceSpec, to: &ServiceSpec, want: Row) {
    let cluster = plane.single();
    for way in [manifest, everything, type_alone] {
        let before = cluster.created("web", from.clone());
        let (paths, sent) = way(&before, from, to);
        let answer = cluster.patch("web", &paths, sent);
        match want {
            Err(field) => {
                assert_refused(row, answer, INVALID, field);
                assert_eq!(
                    cluster.spec("web"),
                    before,
                    "{row}: {paths:?}: nothing changed"
                );
            }
            Ok(fates) => {
                let after = answer.unwrap_or_else(|status| panic!("{row}: {paths:?}: {status:?}"));
                let after = spec_of(after);
                let row = format!("{row}: {paths:?}");
                assert_fates(&row, &before, &after, fates);
                assert_fits(&row, &after, to.r#type());
                assert_free(&cluster, &before, fates);
            }
        }
        cluster.delete("web").expect("it goes");
    }
}

/// What a client sends, and the fields that it names.
type Way = (Vec<&'static str>, ServiceSpec);

/// A new manifest: what was allocated is left out.
fn manifest(_: &ServiceSpec, _: &ServiceSpec, to: &ServiceSpec) -> Way {
    (vec!["*"], to.clone())
}

/// What was read, with the fields changed in which the two manifests differ.
fn everything(before: &ServiceSpec, from: &ServiceSpec, to: &ServiceSpec) -> Way {
    let sent = with(before.clone(), |s| {
        s.r#type = to.r#type;
        let policy = to.external_traffic_policy;
        if policy != from.external_traffic_policy && policy != 0 {
            s.external_traffic_policy = policy;
        }
        if to.allocate_load_balancer_node_ports != from.allocate_load_balancer_node_ports {
            s.allocate_load_balancer_node_ports = to.allocate_load_balancer_node_ports;
        }
        if to.r#type() == ServiceType::ExternalName {
            s.external_name.clone_from(&to.external_name);
        } else if s.ports.is_empty() {
            s.ports.clone_from(&to.ports);
        }
        if !to.cluster_ips.is_empty() {
            s.cluster_ips.clone_from(&to.cluster_ips);
        } else if s.cluster_ips == ["None"] {
            s.cluster_ips.clear();
        }
    });
    (vec!["*"], sent)
}

/// The type, and what the new type needs.
fn type_alone(before: &ServiceSpec, from: &ServiceSpec, to: &ServiceSpec) -> Way {
    let (_, sent) = everything(before, from, to);
    let mut paths = vec!["spec.type"];
    let differs = |paths: &mut Vec<_>, path, differs| {
        if differs {
            paths.push(path);
        }
    };
    differs(
        &mut paths,
        "spec.external_name",
        sent.external_name != before.external_name,
    );
    differs(&mut paths, "spec.ports", sent.ports != before.ports);
    differs(
        &mut paths,
        "spec.external_traffic_policy",
        sent.external_traffic_policy != before.external_traffic_policy,
    );
    differs(
        &mut paths,
        "spec.allocate_load_balancer_node_ports",
        sent.allocate_load_balancer_node_ports != before.allocate_load_balancer_node_ports,
    );
    differs(
        &mut paths,
        "spec.cluster_ips",
        sent.cluster_ips != before.cluster_ips,
    );
    (paths, sent)
}

/// Addresses, node ports, and the port for health checks.
fn holdings(spec: &ServiceSpec) -> [Vec<String>; 3] {
    let given = |port: &i32| *port != 0;
    let addresses = spec.cluster_ips.iter().filter(|ip| *ip != "None").cloned();
    let ports = node_ports(spec).into_iter().filter(given);
    let health = Some(spec.health_check_node_port).into_iter().filter(given);
    [
        addresses.collect(),
        ports.map(|port| port.to_string()).collect(),
        health.map(|port| port.to_string()).collect(),
    ]
}

fn assert_fates(row: &str, before: &ServiceSpec, after: &ServiceSpec, fates: [Fate; 3]) {
    let names = ["addresses", "node ports", "health-check port"];
    let pairs = holdings(before).into_iter().zip(holdings(after));
    for ((name, fate), (before, after)) in names.iter().zip(fates).zip(pairs) {
        let happened = match (before.is_empty(), after.is_empty()) {
            (true, true) => Never,
            (true, false) => Taken,
            (false, true) => Released,
            (false, false) => Kept,
        };
        assert_eq!(happened, fate, "{row}: {name}: {before:?}, then {after:?}");
        assert!(
            fate != Kept || before == after,
            "{row}: {name}: {before:?}, then {after:?}"
        );
    }
}

/// What a type has and what it has not.
fn assert_fits(row: &str, after: &ServiceSpec, kind: ServiceType) {
    assert_eq!(after.r#type(), kind, "{row}");
    let (is_alias, is_balancer) = (
        kind == ServiceType::ExternalName,
        kind == ServiceType::LoadBalancer,
    );
    let is_external = is_balancer || kind == ServiceType::NodePort;
    for (name, has, should) in [
        (
            "external policy",
            after.external_traffic_policy != 0,
            is_external,
        ),
        (
            "internal policy",
            after.internal_traffic_policy != 0,
            !is_alias,
        ),
        ("family policy", after.ip_family_policy != 0, !is_alias),
        ("families", !after.ip_families.is_empty(), !is_alias),
        (
            "allocate flag",
            after.allocate_load_balancer_node_ports.is_some(),
            is_balancer,
        ),
    ] {
        assert_eq!(has, should, "{row}: {name}");
    }
}

/// What was released, another Service can have.
fn assert_free(cluster: &Cluster, before: &ServiceSpec, fates: [Fate; 3]) {
    let [addresses, ports, health] = holdings(before);
    let heir = with(node_port(), |s| {
        if fates[0] == Released {
            s.cluster_ips = addresses;
        }
        let number = |text: &String| text.parse().expect("a number");
        if fates[1] == Released {
            s.ports = vec![at(number(&ports[0]), port(80))];
        } else if fates[2] == Released {
            s.ports = vec![at(number(&health[0]), port(80))];
        }
    });
    cluster.created("heir", heir);
    cluster.delete("heir").expect("the heir goes");
}
