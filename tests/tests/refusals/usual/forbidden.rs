//! Well-formed, but what is stored forbids it.

use tonic::Code;

use super::{apply, command};
use crate::row::Detail::Precondition;
use crate::row::Row;

pub(super) const ROWS: &[Row] = &[
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
        name: "an endpoint that serves a port of its Service by another protocol",
        method: "EndpointAPI/ReplaceEndpoints",
        request: "{'service': 'clusters/default/namespaces/poor/services/db', 'source': 'test', 'endpoints': [{'spec': {'address': '198.51.100.1', 'ports': [{'port': 80, 'protocol': 'PROTOCOL_UDP'}]}}]}",
        code: Code::FailedPrecondition,
        reason: "PROTOCOL_MISMATCH",
        details: &[Precondition(
            "PROTOCOL_MISMATCH",
            "endpoints[0].spec.ports[0].protocol",
        )],
        command: Some(apply(
            "{apiVersion: v1, kind: Endpoints, metadata: {name: db, namespace: poor},\n subsets: [{addresses: [{ip: 198.51.100.1}], ports: [{port: 80, protocol: UDP}]}]}",
            "endpoints/db: stdin:2:",
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
            "clusters/default/namespaces/default/services/chosen",
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
            "clusters/default/namespaces/default/services/alias",
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
            Precondition("RANGE_IN_USE", "clusters/default/serviceCidrs/default"),
            Precondition(
                "RANGE_IN_USE",
                "clusters/default/namespaces/default/services/holder",
            ),
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
        details: &[Precondition(
            "NAMESPACE_NOT_EMPTY",
            "clusters/default/namespaces/poor",
        )],
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
        details: &[Precondition(
            "POLICY",
            "clusters/default/namespaces/default",
        )],
        command: Some(command(
            &["delete", "namespace", "default"],
            "namespace \"default\": the namespace default always exists",
        )),
    },
];
