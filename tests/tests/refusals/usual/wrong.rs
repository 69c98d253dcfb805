//! Wrong whatever is stored: mend the request.

use tonic::Code;

use super::apply;
use crate::row::Detail::Field;
use crate::row::Row;

pub(super) const ROWS: &[Row] = &[
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
];
