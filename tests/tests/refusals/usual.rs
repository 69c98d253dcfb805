//! What a server refuses whose state is [`SETUP`], in the order of SEMANTICS: wrong in itself, immutable, forbidden by
//! the state, there already, used up, overtaken, not there.

use tonic::Code;

use crate::row::Detail::{Field, Metadata, Precondition, Quota, Resource, Retry};
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

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "a bad name",
        method: "NamespaceAPI/CreateNamespace",
        request: "{'parent': 'clusters/default', 'namespaceId': 'My_Shop', 'namespace': {}}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[Field("namespace_id")],
        command: Some(apply(
            "{apiVersion: v1, kind: Namespace, metadata: {name: My_Shop}}",
            "namespace/My_Shop: stdin:1:52: metadata.name: ",
        )),
    },
    Row {
        name: "several fields at once: port 0, a port twice, a word that is none",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'type': 99, 'ports': [{'name': 'a'}, {'name': 'b', 'port': 80}, {'name': 'c', 'port': 80}]}}}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[
            Field("service.spec.type"),
            Field("service.spec.ports[0].port"),
        ],
        command: Some(apply(
            manifest!("web", "ports: [{port: 0}]"),
            "service/web: stdin:2:24: spec.ports[0].port: 0 is not between 1 and 65535",
        )),
    },
    Row {
        name: "a combination that can't be",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'externalTrafficPolicy': 'TRAFFIC_POLICY_LOCAL', 'ports': [{'port': 80, 'nodePort': 30009}]}}}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[
            Field("service.spec.ports[0].node_port"),
            Field("service.spec.external_traffic_policy"),
        ],
        command: Some(apply(
            manifest!("web", "externalTrafficPolicy: Local, ports: [{port: 80}]"),
            "service/web: stdin:2:32: spec.externalTrafficPolicy: ",
        )),
    },
    Row {
        name: "a mask that names nothing",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/chosen'}, 'updateMask': 'spec.nonsense'}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[Field("update_mask.paths[0]")],
        command: None,
    },
    Row {
        name: "a negative page size",
        method: "ServiceAPI/ListServices",
        request: "{'parent': 'NS', 'pageSize': -1}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[Field("page_size")],
        command: None,
    },
    Row {
        name: "a request id that stands for another request",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'requestId': '00000000-0000-4000-8000-000000000001', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[Field("request_id")],
        command: None,
    },
    Row {
        name: "another address",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/holder', 'spec': {'clusterIPs': ['10.0.0.5']}}, 'updateMask': 'spec.clusterIps'}",
        code: Code::InvalidArgument,
        reason: "FIELD_IMMUTABLE",
        details: &[Field("service.spec.cluster_ips[0]")],
        command: Some(apply(
            manifest!(
                "holder",
                "type: NodePort, clusterIP: 10.0.0.5, ports: [{port: 80}]"
            ),
            "service/holder: stdin:2:36: spec.clusterIP: can't be changed",
        )),
    },
    Row {
        name: "headless from now on",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/chosen', 'spec': {'clusterIPs': ['None']}}, 'updateMask': 'spec.clusterIps'}",
        code: Code::InvalidArgument,
        reason: "FIELD_IMMUTABLE",
        details: &[Field("service.spec.cluster_ips")],
        command: Some(apply(
            manifest!("chosen", "clusterIP: None, ports: [{port: 80}]"),
            "service/chosen: stdin:2:20: spec.clusterIP: can't be changed",
        )),
    },
    Row {
        name: "another load balancer, and another health check",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/balanced', 'spec': {'loadBalancerClass': 'example.com/b', 'healthCheckNodePort': 30004}}, 'updateMask': 'spec.loadBalancerClass,spec.healthCheckNodePort'}",
        code: Code::InvalidArgument,
        reason: "FIELD_IMMUTABLE",
        details: &[
            Field("service.spec.load_balancer_class"),
            Field("service.spec.health_check_node_port"),
        ],
        command: Some(apply(
            manifest!(
                "balanced",
                "type: LoadBalancer, loadBalancerClass: example.com/b, externalTrafficPolicy: Local, ports: [{port: 80}]"
            ),
            "service/balanced: stdin:2:48: spec.loadBalancerClass: can only be set",
        )),
    },
    Row {
        name: "a cluster's first family",
        method: "ClusterAPI/UpdateCluster",
        request: "{'cluster': {'name': 'clusters/default', 'spec': {'ipFamilies': ['IP_FAMILY_IPV6']}}, 'updateMask': 'spec.ipFamilies'}",
        code: Code::InvalidArgument,
        reason: "FIELD_IMMUTABLE",
        details: &[Field("cluster.spec.ip_families")],
        command: None,
    },
    Row {
        name: "an address and a node port of another Service",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'type': 'SERVICE_TYPE_NODE_PORT', 'clusterIPs': ['10.0.0.1'], 'ports': [{'port': 80, 'nodePort': 30000}]}}}",
        code: Code::FailedPrecondition,
        reason: "CLUSTER_IP_IN_USE",
        details: &[
            Precondition("CLUSTER_IP_IN_USE", "service.spec.cluster_ips[0]"),
            Precondition("NODE_PORT_IN_USE", "service.spec.ports[0].node_port"),
        ],
        command: Some(apply(
            manifest!("web", "clusterIP: 10.0.0.1, ports: [{port: 80}]"),
            "service/web: stdin:2:20: spec.clusterIP: 10.0.0.1 is held by Service default/holder",
        )),
    },
    Row {
        name: "a node port of another Service",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'type': 'SERVICE_TYPE_NODE_PORT', 'ports': [{'port': 80, 'nodePort': 30000}]}}}",
        code: Code::FailedPrecondition,
        reason: "NODE_PORT_IN_USE",
        details: &[Precondition(
            "NODE_PORT_IN_USE",
            "service.spec.ports[0].node_port",
        )],
        command: Some(apply(
            manifest!(
                "web",
                "type: NodePort, ports: [{port: 80, nodePort: 30000}]"
            ),
            "service/web: stdin:2:54: spec.ports[0].nodePort: node port 30000 is held by Service default/holder",
        )),
    },
    Row {
        name: "an address that nodes may still forward for",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'clusterIPs': ['10.0.0.2'], 'ports': [{'port': 80}]}}}",
        code: Code::FailedPrecondition,
        reason: "ADDRESS_QUARANTINED",
        details: &[Precondition(
            "ADDRESS_QUARANTINED",
            "service.spec.cluster_ips[0]",
        )],
        command: Some(apply(
            manifest!("web", "clusterIP: 10.0.0.2, ports: [{port: 80}]"),
            "service/web: stdin:2:20: spec.clusterIP: 10.0.0.2 was released by Service default/gone",
        )),
    },
    Row {
        name: "a node port that nodes may still forward for",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'type': 'SERVICE_TYPE_NODE_PORT', 'ports': [{'port': 80, 'nodePort': 30001}]}}}",
        code: Code::FailedPrecondition,
        reason: "NODE_PORT_QUARANTINED",
        details: &[Precondition(
            "NODE_PORT_QUARANTINED",
            "service.spec.ports[0].node_port",
        )],
        command: Some(apply(
            manifest!(
                "web",
                "type: NodePort, ports: [{port: 80, nodePort: 30001}]"
            ),
            "service/web: stdin:2:54: spec.ports[0].nodePort: node port 30001 was released by Service default/gone",
        )),
    },
    Row {
        name: "an address outside all ranges",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'clusterIPs': ['10.9.0.1'], 'ports': [{'port': 80}]}}}",
        code: Code::FailedPrecondition,
        reason: "RANGE",
        details: &[Precondition("RANGE", "service.spec.cluster_ips[0]")],
        command: Some(apply(
            manifest!("web", "clusterIP: 10.9.0.1, ports: [{port: 80}]"),
            "service/web: stdin:2:20: spec.clusterIP: 10.9.0.1 is no usable address",
        )),
    },
    Row {
        name: "a workload in a range for virtual addresses",
        method: "WorkloadAPI/CreateWorkload",
        request: "{'parent': 'NS', 'workloadId': 'w', 'workload': {'spec': {'addresses': ['10.0.0.3']}}}",
        code: Code::FailedPrecondition,
        reason: "RANGE",
        details: &[Precondition("RANGE", "workload.spec.addresses[0]")],
        command: Some(apply(
            "{apiVersion: portolan/v1, kind: Workload, metadata: {name: w},\n spec: {addresses: [10.0.0.3]}}",
            "workload/w: stdin:2:21: spec.addresses[0]: 10.0.0.3 lies in the ServiceCIDR",
        )),
    },
    Row {
        name: "an endpoint that the namespace was not granted",
        method: "EndpointAPI/ReplaceEndpoints",
        request: "{'service': 'clusters/default/namespaces/poor/services/db', 'source': 'test', 'endpoints': [{'spec': {'address': '198.51.100.1', 'ports': [{'port': 80}]}}]}",
        code: Code::FailedPrecondition,
        reason: "RANGE",
        details: &[Precondition("RANGE", "endpoints[0].spec.address")],
        command: Some(apply(
            "{apiVersion: v1, kind: Endpoints, metadata: {name: db, namespace: poor},\n subsets: [{addresses: [{ip: 198.51.100.1}], ports: [{port: 80}]}]}",
            "endpoints/db: stdin:2:30: subsets[0].addresses[0].ip: 198.51.100.1 lies outside the namespace's",
        )),
    },
    Row {
        name: "two families where there is one",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'ipFamilyPolicy': 'IP_FAMILY_POLICY_REQUIRE_DUAL_STACK', 'ports': [{'port': 80}]}}}",
        code: Code::FailedPrecondition,
        reason: "DUAL_STACK",
        details: &[Precondition("DUAL_STACK", "service.spec.ip_family_policy")],
        command: Some(apply(
            manifest!(
                "web",
                "ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]"
            ),
            "service/web: stdin:2:25: spec.ipFamilyPolicy: the cluster is configured for IPv4 only",
        )),
    },
    Row {
        name: "a family that the cluster has not",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'ipFamilies': ['IP_FAMILY_IPV6'], 'ports': [{'port': 80}]}}}",
        code: Code::FailedPrecondition,
        reason: "FAMILY_NOT_CONFIGURED",
        details: &[Precondition(
            "FAMILY_NOT_CONFIGURED",
            "service.spec.ip_families[0]",
        )],
        command: Some(apply(
            manifest!("web", "ipFamilies: [IPv6], ports: [{port: 80}]"),
            "service/web: stdin:2:22: spec.ipFamilies[0]: the cluster is not configured for IPv6",
        )),
    },
    Row {
        name: "endpoints by hand beside a selector",
        method: "EndpointAPI/ReplaceEndpoints",
        request: "{'service': 'NS/services/chosen', 'source': 'test', 'endpoints': [{'spec': {'address': '192.0.2.1', 'ports': [{'port': 80}]}}]}",
        code: Code::FailedPrecondition,
        reason: "SERVICE_HAS_SELECTOR",
        details: &[Precondition(
            "SERVICE_HAS_SELECTOR",
            "namespaces/default/services/chosen",
        )],
        command: Some(apply(
            "{apiVersion: v1, kind: Endpoints, metadata: {name: chosen},\n subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]}",
            "endpoints/chosen: ",
        )),
    },
    Row {
        name: "endpoints of an alias",
        method: "EndpointAPI/ReplaceEndpoints",
        request: "{'service': 'NS/services/alias', 'source': 'test', 'endpoints': [{'spec': {'address': '192.0.2.1', 'ports': [{'port': 80}]}}]}",
        code: Code::FailedPrecondition,
        reason: "SERVICE_IS_EXTERNAL_NAME",
        details: &[Precondition(
            "SERVICE_IS_EXTERNAL_NAME",
            "namespaces/default/services/alias",
        )],
        command: Some(apply(
            "{apiVersion: v1, kind: Endpoints, metadata: {name: alias},\n subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]}",
            "endpoints/alias: ",
        )),
    },
    Row {
        name: "a range with addresses in use",
        method: "ServiceCidrAPI/DeleteServiceCidr",
        request: "{'name': 'clusters/default/serviceCidrs/default'}",
        code: Code::FailedPrecondition,
        reason: "RANGE_IN_USE",
        details: &[
            Precondition("RANGE_IN_USE", "serviceCidrs/default"),
            Precondition("RANGE_IN_USE", "namespaces/default/services/holder"),
        ],
        command: None,
    },
    Row {
        name: "node ports in use outside the new range",
        method: "ClusterAPI/UpdateCluster",
        request: "{'cluster': {'name': 'clusters/default', 'spec': {'nodePortRange': {'first': 31000, 'last': 31001}}}, 'updateMask': 'spec.nodePortRange'}",
        code: Code::FailedPrecondition,
        reason: "NODE_PORT_IN_USE",
        details: &[Precondition(
            "NODE_PORT_IN_USE",
            "cluster.spec.node_port_range",
        )],
        command: None,
    },
    Row {
        name: "a namespace with something in it",
        method: "NamespaceAPI/DeleteNamespace",
        request: "{'name': 'clusters/default/namespaces/poor'}",
        code: Code::FailedPrecondition,
        reason: "NAMESPACE_NOT_EMPTY",
        details: &[Precondition("NAMESPACE_NOT_EMPTY", "namespaces/poor")],
        command: Some(command(
            &["delete", "namespace", "poor"],
            "namespace \"poor\": namespaces/poor is not empty: it holds namespaces/poor/services/db",
        )),
    },
    Row {
        name: "a cluster with something in it",
        method: "ClusterAPI/DeleteCluster",
        request: "{'name': 'clusters/other'}",
        code: Code::FailedPrecondition,
        reason: "CLUSTER_NOT_EMPTY",
        details: &[Precondition("CLUSTER_NOT_EMPTY", "clusters/other")],
        command: None,
    },
    Row {
        name: "what is always there",
        method: "NamespaceAPI/DeleteNamespace",
        request: "{'name': 'clusters/default/namespaces/default'}",
        code: Code::FailedPrecondition,
        reason: "POLICY",
        details: &[Precondition("POLICY", "namespaces/default")],
        command: Some(command(
            &["delete", "namespace", "default"],
            "namespace \"default\": the namespace default always exists",
        )),
    },
    Row {
        name: "a name that is taken",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'holder', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::AlreadyExists,
        reason: "ALREADY_EXISTS",
        details: &[Resource("namespaces/default/services/holder")],
        command: None,
    },
    Row {
        name: "more Services than a namespace may have",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'clusters/default/namespaces/poor', 'serviceId': 'web', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::ResourceExhausted,
        reason: "QUOTA_EXCEEDED",
        details: &[
            Quota("namespaces/poor/spec.quota.services"),
            Metadata("used", "1"),
            Metadata("capacity", "1"),
        ],
        command: Some(apply(
            "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: poor}, spec: {ports: [{port: 80}]}}",
            "service/web: stdin:1:66: metadata.namespace: namespace poor has 1 of at most 1 Services",
        )),
    },
    Row {
        name: "changed since it was read",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/holder', 'etag': '\\'old\\'', 'labels': {'a': 'b'}}, 'updateMask': 'labels'}",
        code: Code::Aborted,
        reason: "ETAG_MISMATCH",
        details: &[],
        command: None,
    },
    Row {
        name: "another one of that name",
        method: "ServiceAPI/DeleteService",
        request: "{'name': 'NS/services/holder', 'expectedUid': '00000000-0000-4000-8000-000000000001'}",
        code: Code::Aborted,
        reason: "UID_MISMATCH",
        details: &[],
        command: None,
    },
    Row {
        name: "a namespace that is not there",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'clusters/default/namespaces/none', 'serviceId': 'web', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::NotFound,
        reason: "NOT_FOUND",
        details: &[Resource("namespaces/none")],
        command: Some(apply(
            "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: none}, spec: {ports: [{port: 80}]}}",
            "service/web: stdin:1:66: metadata.namespace: the namespace \"none\" does not exist: add --create-namespace",
        )),
    },
    Row {
        name: "a Service that is not there",
        method: "ServiceAPI/DeleteService",
        request: "{'name': 'NS/services/none'}",
        code: Code::NotFound,
        reason: "NOT_FOUND",
        details: &[Resource("namespaces/default/services/none")],
        command: Some(command(
            &["delete", "service", "none"],
            "service \"none\": namespaces/default/services/none not found",
        )),
    },
    Row {
        name: "a watch from the future",
        method: "ServiceAPI/WatchServices",
        request: "{'parent': 'NS', 'fromRevision': '1000000'}",
        code: Code::OutOfRange,
        reason: "REVISION_UNKNOWN",
        details: &[],
        command: None,
    },
    Row {
        name: "a read from the future",
        method: "ServiceAPI/GetService",
        request: "{'name': 'NS/services/holder', 'minRevision': '1000000'}",
        code: Code::Unavailable,
        reason: "REVISION_NOT_REACHED",
        details: &[Retry],
        command: None,
    },
];
