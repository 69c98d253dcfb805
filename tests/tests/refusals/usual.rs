//! What a server refuses whose state is [`SETUP`], in the order of SEMANTICS: wrong in itself, immutable, forbidden by
//! the state, there already, used up, overtaken, not there.

/// The manifest of a Service: `spec:` is line 2.
macro_rules! manifest {
    ($name:literal, $spec:literal) => {
        concat!(
            "{apiVersion: v1, kind: Service, metadata: {name: ",
            $name,
            "},\n spec: {",
            $spec,
            "}}"
        )
    };
}

mod forbidden;
mod missed;
mod wrong;

use crate::row::{Row, Spoken};

pub(crate) const FLAGS: [&str; 4] = [
    "--service-cidr",
    "10.0.0.0/28",
    "--node-port-range",
    "30000-30009",
];

/// Calls that must succeed first.
pub(crate) const SETUP: &[(&str, &str)] = &[
    (
        "ServiceAPI/CreateService",
        "{'parent': 'NS', 'serviceId': 'holder', 'service': {'spec': {'type': 'SERVICE_TYPE_NODE_PORT', 'clusterIPs': ['10.0.0.1'], 'ports': [{'port': 80, 'nodePort': 30000}]}}}",
    ),
    (
        "ServiceAPI/CreateService",
        "{'parent': 'NS', 'serviceId': 'gone', 'service': {'spec': {'type': 'SERVICE_TYPE_NODE_PORT', 'clusterIPs': ['10.0.0.2'], 'ports': [{'port': 80, 'nodePort': 30001}]}}}",
    ),
    (
        "NodeAPI/CreateNode",
        "{'parent': 'clusters/default', 'nodeId': 'n1', 'node': {'spec': {'addresses': ['192.0.2.9']}}}",
    ),
    ("ServiceAPI/DeleteService", "{'name': 'NS/services/gone'}"),
    (
        "ServiceAPI/CreateService",
        "{'parent': 'NS', 'serviceId': 'chosen', 'requestId': '00000000-0000-4000-8000-000000000001', 'service': {'spec': {'selector': {'app': 'a'}, 'ports': [{'port': 80}]}}}",
    ),
    (
        "ServiceAPI/CreateService",
        "{'parent': 'NS', 'serviceId': 'alias', 'service': {'spec': {'type': 'SERVICE_TYPE_EXTERNAL_NAME', 'externalName': 'db.example'}}}",
    ),
    (
        "ServiceAPI/CreateService",
        "{'parent': 'NS', 'serviceId': 'balanced', 'service': {'spec': {'type': 'SERVICE_TYPE_LOAD_BALANCER', 'loadBalancerClass': 'example.com/a', 'externalTrafficPolicy': 'TRAFFIC_POLICY_LOCAL', 'healthCheckNodePort': 30002, 'ports': [{'port': 80, 'nodePort': 30003}]}}}",
    ),
    (
        "NamespaceAPI/CreateNamespace",
        "{'parent': 'clusters/default', 'namespaceId': 'poor', 'namespace': {'spec': {'quota': {'services': 1}, 'endpointRanges': ['192.0.2.0/24']}}}",
    ),
    (
        "ServiceAPI/CreateService",
        "{'parent': 'clusters/default/namespaces/poor', 'serviceId': 'db', 'service': {'spec': {'ports': [{'port': 80}]}}}",
    ),
    (
        "ClusterAPI/CreateCluster",
        "{'clusterId': 'other', 'serviceCidrs': ['10.1.0.0/28']}",
    ),
    (
        "NodeAPI/CreateNode",
        "{'parent': 'clusters/other', 'nodeId': 'n1', 'node': {'spec': {'addresses': ['192.0.2.9']}}}",
    ),
];

const APPLY: &[&str] = &["apply", "-f", "-"];

/// Applying it is refused; the answer names this place.
const fn apply(input: &'static str, says: &'static str) -> Spoken {
    Spoken {
        arguments: APPLY,
        input,
        says,
    }
}

const fn command(arguments: &'static [&'static str], says: &'static str) -> Spoken {
    Spoken {
        arguments,
        input: "",
        says,
    }
}

/// Every row, in this order.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [wrong::ROWS, forbidden::ROWS, missed::ROWS]
        .into_iter()
        .flatten()
}
