//! Every kind: applied, shown, applied again unchanged, described, deleted.

use portolan_tests::eventually;

use crate::{apply, said, server};

const EVERYTHING: &str = r#"
{apiVersion: portolan/v1, kind: Cluster, metadata: {name: second}, spec: {serviceCIDRs: [10.200.0.0/16, "fd00:200::/108"], nodePortRange: 31000-31999, dnsDomain: second.example, endpointRanges: [10.0.0.0/8], workloadRanges: [10.1.0.0/16]}}
---
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, spec: {cidrs: [10.112.0.0/24]}}
---
{apiVersion: portolan/v1, kind: Namespace, metadata: {name: shop, labels: {team: a}, annotations: {why: "because: it is"}}, spec: {quota: {services: 5, nodePorts: 0, loadBalancers: 1, endpoints: 20}, endpointRanges: [10.1.0.0/16]}}
---
{apiVersion: portolan/v1, kind: Node, metadata: {name: n7, labels: {rack: "7"}}, spec: {addresses: [192.0.2.7], zone: z1, nodePortAddresses: [192.0.2.7], dataplane: userspace}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {ports: [{name: sql, port: 5432}]}}
---
{apiVersion: portolan/v1, kind: Workload, metadata: {name: web-1, namespace: shop, labels: {app: web}}, spec: {addresses: [10.1.0.9], node: n7, ports: [{name: http, port: 8080}], readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: db, namespace: shop}, subsets: [{addresses: [{ip: 10.1.0.1, nodeName: n7}], ports: [{name: sql, port: 5432}]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: db-x, namespace: shop, labels: {kubernetes.io/service-name: db}}, addressType: IPv4, ports: [{name: sql, port: 5433}], endpoints: [{addresses: [10.1.0.2], zone: z2, conditions: {ready: false, serving: true, terminating: true}}]}
---
{apiVersion: portolan/v1, kind: Endpoints, metadata: {name: db, namespace: shop}, spec: {source: by hand, endpoints: [{address: 10.1.0.3, weight: 7, hostname: third, ports: [{servicePort: sql, port: 5434}]}]}}
"#;

/// In the order of application.
const LABELS: [&str; 9] = [
    "cluster/second",
    "servicecidr/more",
    "namespace/shop",
    "node/n7",
    "service/db",
    "workload/web-1",
    "endpoints/db",
    "endpointslice/db-x",
    "endpoints/db",
];

#[test]
fn what_is_shown_of_every_kind_applies_again_unchanged() {
    let server = server();
    let lines = |verb: &str| LABELS.map(|label| format!("{label} {verb}\n")).concat();
    assert_eq!(apply(&server, EVERYTHING), lines("created"));
    assert_eq!(apply(&server, EVERYTHING), lines("unchanged"));
    let kinds = "clusters,servicecidrs,namespaces,nodes,services,workloads,endpoints";
    for form in ["yaml", "json"] {
        let shown = server.succeed(&["get", kinds, "-A", "-o", form], "");
        let said = apply(&server, &shown);
        assert!(
            said.lines().all(|line| line.ends_with(" unchanged")),
            "{form}: {said}"
        );
        // Both clusters, ranges and namespaces; a node, a Service, a workload; three sources of endpoints.
        assert_eq!(said.lines().count(), 12, "{form}: {said}");
    }
    for kind in kinds.split(',') {
        let shown = server.succeed(&["get", kind, "-A", "-o", "yaml"], "");
        let said = server.portolan_with(&["diff", "-f", "-"], &shown);
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{kind}: {said:?}");
    }
}

#[test]
fn what_was_shown_restores_what_was_deleted() {
    let server = server();
    apply(&server, EVERYTHING);
    let endpoints = ["get", "endpoints", "-n", "shop"];
    let (table, shown) = (
        server.succeed(&endpoints, ""),
        server.succeed(&["get", "ns,svc,nodes,endpoints", "-A", "-o", "yaml"], ""),
    );
    server.succeed(&["delete", "namespace", "shop", "--force"], "");
    let text = apply(&server, &shown);
    assert_eq!(text.matches(" created\n").count(), 5, "{text}");
    assert_eq!(server.succeed(&endpoints, ""), table);
}

#[test]
fn every_kind_is_described_with_what_matters_about_it() {
    let server = server();
    apply(&server, EVERYTHING);
    for (what, parts) in [
        (
            "cluster/second",
            &[
                "second.example",
                "31000-31999",
                "10.200.0.0/16",
                "IPv4,IPv6",
            ][..],
        ),
        ("servicecidr/more", &["10.112.0.0/24", "Ready", "254"]),
        (
            "namespace/shop",
            &["10.1.0.0/16", "services", "nodePorts", "team=a"],
        ),
        (
            "node/n7",
            &["192.0.2.7", "z1", "userspace", "NeverConnected"],
        ),
        ("service/db", &["10.1.0.1:5432", "1 not ready"]),
        ("workload/web-1", &["10.1.0.9", "/ready"]),
    ] {
        let text = server.succeed(&["describe", what, "-n", "shop"], "");
        for part in parts {
            assert!(text.contains(part), "{what}: no {part} in {text}");
        }
    }
    // Events are written in the background.
    eventually("events are shown", || {
        let said = server.portolan(&["get", "events", "-n", "shop"]);
        if said.out.contains("ClusterIPAllocated") {
            Ok(())
        } else {
            Err(said.out)
        }
    });
}

#[test]
fn a_kubernetes_namespace_leaves_limits_alone_and_ours_says_all_about_them() {
    let server = server();
    apply(&server, EVERYTHING);
    let quota = || {
        let text = server.succeed(&["get", "ns", "shop", "-o", "json"], "");
        let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        json.pointer("/spec/quota/services").cloned()
    };
    apply(
        &server,
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop}, spec: {finalizers: [kubernetes]}}",
    );
    assert_eq!(quota(), Some(5.into()));
    apply(
        &server,
        "{apiVersion: portolan/v1, kind: Namespace, metadata: {name: shop}}",
    );
    assert_eq!(quota(), None);
}

#[test]
fn ranges_and_clusters_end_as_one_asks() {
    let server = server();
    apply(&server, EVERYTHING);
    let again = EVERYTHING
        .lines()
        .nth(1)
        .expect("the cluster")
        .replace("10.200", "10.201");
    let said_again = server.portolan_with(&["apply", "-f", "-"], &again);
    assert_eq!(
        (said_again.code, said_again.out.as_str()),
        (0, "cluster/second unchanged\n")
    );
    assert!(
        said_again
            .err
            .contains("add 10.201.0.0/16 by a manifest of kind ServiceCIDR")
    );
    let drained = server.portolan(&["delete", "servicecidr", "more", "--drain"]);
    assert_eq!(said(&drained), (0, "servicecidr \"more\" deleted\n", ""));
    let deleted = server.portolan(&["delete", "cluster", "second"]);
    assert_eq!(said(&deleted), (0, "cluster \"second\" deleted\n", ""));
    let audit = server.portolan(&["audit"]);
    assert_eq!(audit.code, 0, "{audit:?}");
    assert!(
        audit
            .out
            .starts_with("Every address and node port fits its Service")
    );
}
