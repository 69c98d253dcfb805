//! A8: figures a range: how full it is, and what was given out and refused, by who chose.

use std::collections::BTreeMap;

use portolan_tests::get;

use crate::cluster::Cluster;
use crate::specs::{at, cluster_ip, node_port, port, with_addresses, with_ports};
use crate::stores::ControlPlane;

on_every_store!(a8_ranges_have_metrics_split_by_who_chose);

/// Every figure of the cluster: name and labels but the cluster, and value.
fn figures(cluster: &Cluster) -> BTreeMap<String, f64> {
    let page = get(cluster.plane.http, "/metrics").expect("metrics");
    let id = cluster.name.rsplit('/').next().expect("a name");
    let label = format!("cluster=\"{id}\",");
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("portolan_allocator_"));
    let own = lines.filter(|line| line.contains(&label));
    own.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.replace(&label, ""), value.parse().ok()?))
    })
    .collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn a8_ranges_have_metrics_split_by_who_chose(plane: &'static ControlPlane) {
    let cluster = plane.cluster(&["10.98.0.0/29"]);
    let range = r#"range="10.98.0.0/29""#;
    let assert_fill = |row: &str, used, quarantined, free| {
        let figures = figures(&cluster);
        for (name, want) in [("used", used), ("quarantined", quarantined), ("free", free)] {
            let got = figures.get(&format!("range_{name}{{{range}}}"));
            assert_eq!(got, Some(&want), "{row}: {name}: {figures:?}");
        }
    };
    assert_fill("empty", 0.0, 0.0, 6.0);
    cluster.created("asked", with_addresses(cluster_ip(), &["10.98.0.1"]));
    for i in 0..5 {
        cluster.created(&format!("s{i}"), cluster_ip());
    }
    assert_fill("full", 6.0, 0.0, 0.0);
    for address in ["10.98.0.1", "10.98.0.0", "10.99.0.1"] {
        let asked = with_addresses(cluster_ip(), &[address]);
        cluster
            .create("refused", asked)
            .expect_err("taken, an edge, outside");
    }
    for _ in 0..3 {
        cluster.create("full", cluster_ip()).expect_err("full");
    }
    cluster
        .create_with("dry", cluster_ip(), |r| r.validate_only = true)
        .expect_err("full");
    cluster
        .put("s0", with_ports(node_port(), [at(30_007, port(80))]))
        .expect("a port");
    cluster.put("s1", node_port()).expect("a port");
    let taken = with_ports(node_port(), [at(30_007, port(80))]);
    cluster.put("s2", taken).expect_err("taken");
    let ports = r#"range="30000-32767""#;
    for (series, want) in [
        (
            format!(r#"allocations_total{{{range},scope="static"}}"#),
            1.0,
        ),
        (
            format!(r#"allocations_total{{{range},scope="dynamic"}}"#),
            5.0,
        ),
        (
            r#"allocation_errors_total{reason="CLUSTER_IP_IN_USE",scope="static"}"#.to_owned(),
            1.0,
        ),
        (
            r#"allocation_errors_total{reason="RANGE",scope="static"}"#.to_owned(),
            2.0,
        ),
        (
            r#"allocation_errors_total{reason="CLUSTER_IP_EXHAUSTED",scope="dynamic"}"#.to_owned(),
            3.0,
        ),
        (
            format!(r#"allocations_total{{{ports},scope="static"}}"#),
            1.0,
        ),
        (
            format!(r#"allocations_total{{{ports},scope="dynamic"}}"#),
            1.0,
        ),
        (
            r#"allocation_errors_total{reason="NODE_PORT_IN_USE",scope="static"}"#.to_owned(),
            1.0,
        ),
        (format!("range_used{{{ports}}}"), 2.0),
        (format!("range_free{{{ports}}}"), 2766.0),
    ] {
        let figures = figures(&cluster);
        assert_eq!(figures.get(&series), Some(&want), "{series}: {figures:?}");
    }
    cluster.node("n1", "192.0.2.1", "a");
    cluster.delete("asked").expect("it goes");
    assert_fill("released, but not free", 5.0, 1.0, 0.0);
}
