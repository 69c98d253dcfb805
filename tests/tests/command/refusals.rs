//! What is refused is told by the field in the manifest's own words, and by its place in the file.

use portolan_tests::{Server, Store};

use crate::{apply, service};

/// Four addresses, of which two are usable, and three node ports.
fn server() -> Server<'static> {
    let ranges = [
        "--service-cidr",
        "10.96.0.0/30",
        "--node-port-range",
        "30000-30002",
    ];
    Server::start(None, &Store::Sqlite, &ranges)
}

/// There before: a Service with one of the two addresses and one of the ports, and a namespace that is full.
const PRESENT: &str = "
{apiVersion: portolan/v1, kind: Namespace, metadata: {name: full}, spec: {quota: {services: 1, endpoints: 0}}}
---
{apiVersion: portolan/v1, kind: Namespace, metadata: {name: poor}, spec: {quota: {nodePorts: 0, loadBalancers: 0}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80, nodePort: 30000}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: full}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: byhand}, spec: {clusterIP: None, ports: [{port: 80}]}}
---
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, spec: {cidrs: [\"10.97.0.0/30\"]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a1}, spec: {clusterIP: 10.96.0.2, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a2}, spec: {clusterIP: 10.97.0.1, ports: [{port: 80}]}}
";

/// What is wrong, the manifest from its second line on, and what is said of it from the place on.
const ROWS: &[(&str, &str, &str)] = &[
    (
        "a violation",
        "kind: Service\nmetadata: {name: new}\nspec:\n  ports:\n  - port: 80\n    targetPort: No Port\n",
        "stdin:7:17: spec.ports[0].targetPort: must be a port name",
    ),
    (
        "a violation of a label",
        "kind: Service\nmetadata:\n  name: new\n  labels:\n    app.kubernetes.io/name: 'a b'\nspec: {ports: [{port: 80}]}\n",
        "stdin:6:29: metadata.labels[\"app.kubernetes.io/name\"]: value must be",
    ),
    (
        "a name that is none",
        "kind: Service\nmetadata:\n  name: No_Name\nspec: {ports: [{port: 80}]}\n",
        "stdin:4:9: metadata.name: ",
    ),
    (
        "an immutable address",
        "kind: Service\nmetadata: {name: web}\nspec:\n  type: NodePort\n  clusterIP: 10.96.0.2\n  selector: {app: web}\n  ports: [{port: 80}]\n",
        "stdin:6:14: spec.clusterIP: can't be changed: the Service has 10.96.0.1",
    ),
    (
        "an address outside the ranges",
        "kind: Service\nmetadata: {name: new}\nspec:\n  clusterIPs:\n  - 192.0.2.1\n  ports: [{port: 80}]\n",
        "stdin:6:5: spec.clusterIPs[0]: ",
    ),
    (
        "an address that is taken",
        "kind: Service\nmetadata: {name: new}\nspec:\n  clusterIP: 10.96.0.1\n  ports: [{port: 80}]\n",
        "stdin:5:14: spec.clusterIP: 10.96.0.1 is held by Service default/web",
    ),
    (
        "a node port that is taken",
        "kind: Service\nmetadata: {name: new}\nspec:\n  type: NodePort\n  clusterIP: 10.97.0.2\n  ports:\n  - {port: 80, nodePort: 30000}\n",
        "stdin:8:26: spec.ports[0].nodePort: node port 30000 is held by Service default/web",
    ),
    (
        "a family that the cluster has not",
        "kind: Service\nmetadata: {name: new}\nspec:\n  clusterIP: None\n  ipFamilies: [IPv6]\n  selector: {a: b}\n",
        "stdin:6:16: spec.ipFamilies[0]: the cluster is not configured for IPv6",
    ),
    (
        "more Services than the namespace may have",
        "kind: Service\nmetadata:\n  name: new\n  namespace: full\nspec: {clusterIP: None, ports: [{port: 80}]}\n",
        "stdin:5:14: metadata.namespace: namespace full has 1 of at most 1 Services",
    ),
    (
        "a node port more than the namespace may have",
        "kind: Service\nmetadata: {name: np, namespace: poor}\nspec:\n  type: NodePort\n  clusterIP: 10.97.0.2\n  ports: [{port: 80}]\n",
        "stdin:7:10: spec.ports: namespace poor has 0 of at most 0 node ports",
    ),
    (
        "a load balancer more than the namespace may have",
        "kind: Service\nmetadata: {name: lb, namespace: poor}\nspec:\n  type: LoadBalancer\n  clusterIP: 10.97.0.2\n  allocateLoadBalancerNodePorts: false\n  ports: [{port: 80}]\n",
        "stdin:5:9: spec.type: namespace poor has 0 of at most 0 Services of type LoadBalancer",
    ),
    (
        "an endpoint more than the namespace may have",
        "kind: Workload\nmetadata:\n  name: w\n  namespace: full\n  labels: {app: db}\nspec: {addresses: [10.1.0.1]}\n",
        "stdin:6:11: metadata.labels: namespace full has 0 of at most 0 endpoints",
    ),
    (
        "a namespace that is not there",
        "kind: Service\nmetadata:\n  name: new\n  namespace: nowhere\nspec: {ports: [{port: 80}]}\n",
        "stdin:5:14: metadata.namespace: the namespace \"nowhere\" does not exist",
    ),
    (
        "endpoints of a Service that keeps its own",
        "kind: Endpoints\nmetadata:\n  name: web\nsubsets: []\n",
        "stdin:4:9: metadata.name: Service default/web has a selector",
    ),
    (
        "endpoints of a Service that is not there",
        "kind: Endpoints\nmetadata:\n  name: none\nsubsets: []\n",
        "stdin:4:9: metadata.name: ",
    ),
    (
        "an endpoint where none may be",
        "kind: Endpoints\nmetadata: {name: byhand}\nsubsets:\n- addresses:\n  - ip: 10.1.0.1\n  - ip: 10.96.0.1\n  ports: [{port: 80}]\n",
        "stdin:7:9: subsets[0].addresses[1].ip: ",
    ),
    (
        "the same in a slice",
        "kind: EndpointSlice\nmetadata:\n  name: s\n  labels: {kubernetes.io/service-name: byhand}\naddressType: IPv4\nendpoints:\n- addresses: [127.0.0.1]\nports: [{port: 80}]\n",
        "stdin:8:15: endpoints[0].addresses[0]: ",
    ),
    (
        "a Pod's address where none may be",
        "kind: Pod\nmetadata: {name: p}\nspec: {nodeName: n1}\nstatus:\n  podIPs:\n  - ip: 169.254.0.1\n",
        "stdin:7:9: status.podIPs[0].ip: ",
    ),
    (
        "a range that can't be changed",
        "kind: ServiceCIDR\nmetadata: {name: more}\nspec:\n  cidrs: [10.98.0.0/30]\n",
        "stdin:5:10: spec.cidrs: can't be changed, it is 10.97.0.0/30",
    ),
    (
        "a range with bits of a host",
        "kind: ServiceCIDR\nmetadata: {name: another}\nspec:\n  cidrs: [10.98.0.1/30]\n",
        "stdin:5:11: spec.cidrs[0]: ",
    ),
    (
        "a cluster without ranges",
        "kind: Cluster\nmetadata: {name: second}\nspec:\n  dnsDomain: a.b\n",
        "stdin:5:3: spec.serviceCIDRs: ",
    ),
    (
        "a cluster whose node ports are in use",
        "kind: Cluster\nmetadata: {name: default}\nspec:\n  nodePortRange: 30001-30002\n",
        "stdin:5:18: spec.nodePortRange: ",
    ),
    (
        "a node with an address that is none",
        "kind: Node\nmetadata: {name: n1}\nspec:\n  addresses: [192.0.2.1, nowhere]\n",
        "stdin:5:26: spec.addresses[1]: ",
    ),
    (
        "a limit below nothing",
        "kind: Namespace\nmetadata: {name: shop}\nspec:\n  quota:\n    services: -1\n",
        "stdin:6:15: spec.quota.services: must not be negative",
    ),
];

fn version(manifest: &str) -> &'static str {
    match manifest.lines().next() {
        Some("kind: EndpointSlice") => "discovery.k8s.io/v1",
        Some("kind: Service" | "kind: Endpoints" | "kind: Pod") => "v1",
        _ => "portolan/v1",
    }
}

#[test]
fn every_refusal_names_the_field_as_it_is_written_and_where() {
    let server = server();
    apply(&server, PRESENT);
    let before = server.succeed(&["get", "cluster", "default", "-o", "json"], "");
    let mut wrong = Vec::new();
    for (row, manifest, line) in ROWS {
        let text = format!("apiVersion: {}\n{manifest}", version(manifest));
        let refused = server.portolan_with(&["apply", "-f", "-"], &text);
        let has = refused.err.lines().any(|said| {
            let said = said.split_once(": ").map_or("", |(_, rest)| rest);
            said.split_once(": ")
                .is_some_and(|(_, rest)| rest.starts_with(line))
        });
        if refused.code != 1 || !refused.out.is_empty() || !has {
            wrong.push(format!("{row}: no {line:?} in {refused:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let after = server.succeed(&["get", "cluster", "default", "-o", "json"], "");
    assert_eq!(after, before, "nothing was changed");
}

#[test]
fn exhaustion_names_the_field_that_would_have_been_filled_in() {
    let server = server();
    apply(&server, PRESENT);
    let rest = ["10.97.0.2"].map(|ip| {
        service(
            "rest",
            "",
            &format!("clusterIP: {ip}, ports: [{{port: 80}}]"),
        )
    });
    apply(&server, &rest.concat());
    let new =
        "apiVersion: v1\nkind: Service\nmetadata: {name: new}\nspec:\n  ports: [{port: 80}]\n";
    let full = server.portolan_with(&["apply", "-f", "-"], new);
    let line = "error: service/new: stdin:5:3: spec.clusterIPs: no IPv4 address is free in ";
    assert!(full.err.starts_with(line), "{full:?}");
    assert!(full.err.contains("add a ServiceCIDR"), "{full:?}");

    let ports =
        "type: NodePort, clusterIP: 10.97.0.2, ports: [{name: a, port: 1}, {name: b, port: 2}]";
    apply(&server, &service("rest", "", ports));
    let more = ports.replace("}]", "}, {name: c, port: 3}]");
    let full = server.portolan_with(&["apply", "-f", "-"], &service("rest", "", &more));
    assert!(
        full.err.starts_with("error: service/rest: stdin:2:"),
        "{full:?}"
    );
    assert!(
        full.err.contains(": spec.ports: no node port is free"),
        "{full:?}"
    );
}
