//! A released address or port waits until every node has durably applied the release.

use portolan_tests::api::block_on;
use portolan_tests::{Node, eventually, holds};

use crate::cluster::Cluster;
use crate::expect::{EXHAUSTED, FAILED, assert_refused, count};
use crate::specs::{at, cluster_ip, node_port, port, with_addresses, with_ports};
use crate::stores::ControlPlane;

on_every_store!(
    a1_a_released_address_waits_for_every_node_and_then_comes_again,
    a1_without_nodes_there_is_no_wait,
    a1_a_node_that_is_removed_is_waited_for_no_longer,
    a1_what_waits_is_granted_at_once_to_the_same_name_and_refused_to_others,
);

/// The last address and port of a cluster, by name.
fn spec() -> portolan_proto::v1::ServiceSpec {
    with_addresses(
        with_ports(node_port(), [at(30_000, port(80))]),
        &["10.98.0.1"],
    )
}

fn tiny(plane: &'static ControlPlane) -> Cluster {
    let node_port_range = Some(portolan_proto::v1::PortRange {
        first: 30_000,
        last: 30_000,
    });
    let settings = portolan_proto::v1::ClusterSpec {
        node_port_range,
        ..portolan_proto::v1::ClusterSpec::default()
    };
    plane.cluster_of(&["10.98.0.0/30"], settings)
}

fn id(cluster: &Cluster) -> &str {
    cluster.name.rsplit('/').next().expect("a name")
}

fn a1_a_released_address_waits_for_every_node_and_then_comes_again(plane: &'static ControlPlane) {
    let cluster = tiny(plane);
    cluster.created("other", with_addresses(cluster_ip(), &["10.98.0.2"]));
    let connect = |name| block_on(Node::connect_to(&plane.url, id(&cluster), name));
    let mut nodes = ["n1", "n2"].map(|name| connect(name).expect("a stream"));
    cluster.created("web", spec());
    let gone = cluster.delete("web").expect("it goes");
    for node in &mut nodes {
        block_on(node.reach(gone.revision)).expect("a stream");
    }
    block_on(nodes[0].acknowledge());
    let status = cluster
        .create("new", cluster_ip())
        .expect_err("the other may still forward");
    assert_eq!(
        (count(&status, "used"), count(&status, "quarantined")),
        (1, 1)
    );
    block_on(nodes[1].acknowledge());
    eventually("both have applied it", || {
        cluster.create("new", node_port())
    });
    let spec = cluster.spec("new");
    assert_eq!(
        (&spec.cluster_ips[0][..], spec.ports[0].node_port),
        ("10.98.0.1", 30_000)
    );
}

fn a1_without_nodes_there_is_no_wait(plane: &'static ControlPlane) {
    let cluster = tiny(plane);
    for round in 0..3 {
        let name = format!("s{round}");
        cluster.created(&name, spec());
        cluster.delete(&name).expect("it goes");
    }
}

fn a1_a_node_that_is_removed_is_waited_for_no_longer(plane: &'static ControlPlane) {
    let cluster = tiny(plane);
    cluster.node("n1", "192.0.2.1", "a");
    cluster.created("web", spec());
    cluster.delete("web").expect("it goes");
    let usage = || cluster.status().service_ranges[0].clone();
    assert_eq!((usage().used, usage().quarantined), (0, 1));
    cluster.delete_node("n1");
    eventually("nobody is left", || {
        holds(usage().quarantined == 0, "it waits")
    });
    cluster.created("heir", spec());
}

fn a1_what_waits_is_granted_at_once_to_the_same_name_and_refused_to_others(
    plane: &'static ControlPlane,
) {
    let cluster = tiny(plane);
    cluster.node("n1", "192.0.2.1", "a");
    cluster.created("web", spec());
    cluster.delete("web").expect("it goes");
    let reason = assert_refused(
        "another",
        cluster.create("other", spec()),
        FAILED,
        "cluster_ips[0]",
    );
    assert_eq!(reason, "ADDRESS_QUARANTINED");
    let status = cluster.create("other", spec()).expect_err("both wait");
    // Hardly anything is free: a minute, not ten.
    let left = status
        .message()
        .rsplit("in ")
        .next()
        .and_then(|text| text.strip_suffix(" s"));
    let left: u32 = left
        .and_then(|text| text.parse().ok())
        .expect("seconds left");
    assert!((1..=60).contains(&left), "{}", status.message());
    let ports = with_ports(node_port(), [at(30_000, port(80))]);
    let reason = assert_refused(
        "its port",
        cluster.create("other", ports),
        FAILED,
        "ports[0].node_port",
    );
    assert_eq!(reason, "NODE_PORT_QUARANTINED");
    let picked = cluster.create("other", node_port());
    assert_refused("a pick", picked, EXHAUSTED, "30000-30000");
    cluster.created("web", spec());
}
