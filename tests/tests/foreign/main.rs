//! Clients that have none of our files: what they know they learn from the server's reflection. And a plugin that has none of
//! our code but the .proto.

mod curl;
mod plugin;
mod python;

use portolan_tests::{PROJECTION_VERSION, Server, Store};

/// Every service with one of its methods, a request for it, and what the answer holds.
const CALLS: &[(&str, &str, &str)] = &[
    (
        "grpc.health.v1.Health/Check",
        r#"{"service": "readiness"}"#,
        "SERVING",
    ),
    (
        "portolan.v1.ClusterAPI/ListClusters",
        "{}",
        "clusters/default",
    ),
    (
        "portolan.v1.EndpointAPI/ListEndpoints",
        r#"{"parent": "clusters/default/namespaces/-"}"#,
        "10.244.1.42",
    ),
    (
        "portolan.v1.EventAPI/ListEvents",
        r#"{"parent": "clusters/default"}"#,
        "ClusterIPAllocated",
    ),
    (
        "portolan.v1.NamespaceAPI/ListNamespaces",
        r#"{"parent": "clusters/default"}"#,
        "namespaces/default",
    ),
    (
        "portolan.v1.NodeAPI/ListNodes",
        r#"{"parent": "clusters/default"}"#,
        "nodes/n1",
    ),
    (
        "portolan.v1.ServiceAPI/ListServices",
        r#"{"parent": "clusters/default/namespaces/-"}"#,
        "services/web",
    ),
    (
        "portolan.v1.ServiceCidrAPI/ListServiceCidrs",
        r#"{"parent": "clusters/default"}"#,
        "10.96.0.0/12",
    ),
    (
        "portolan.v1.WorkloadAPI/ListWorkloads",
        r#"{"parent": "clusters/default/namespaces/-"}"#,
        "workloads/web-1",
    ),
];

/// What the node stream is told first.
fn hello() -> String {
    format!(
        r#"{{"hello": {{"cluster": "default", "node": "n1", "session": "1", "projectionVersion": {PROJECTION_VERSION}}}}}"#
    )
}

const MANIFESTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: portolan/v1, kind: Workload, metadata: {name: web-1, labels: {app: web}}, spec: {addresses: [10.244.1.42]}}
";

fn server() -> Server<'static> {
    Server::start(None, &Store::Sqlite, &[])
}
