//! There already, used up, overtaken, not there.

use tonic::Code;

use super::{apply, command};
use crate::row::Detail::{Metadata, Quota, Resource, Retry};
use crate::row::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a name that is taken",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'NS', 'serviceId': 'holder', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::AlreadyExists,
        reason: "ALREADY_EXISTS",
        details: &[Resource(
            "clusters/default/namespaces/default/services/holder",
        )],
        command: None,
    },
    Row {
        name: "more Services than a namespace may have",
        method: "ServiceAPI/CreateService",
        request: "{'parent': 'clusters/default/namespaces/poor', 'serviceId': 'web', 'service': {'spec': {'ports': [{'port': 80}]}}}",
        code: Code::ResourceExhausted,
        reason: "QUOTA_EXCEEDED",
        details: &[
            Quota("clusters/default/namespaces/poor/spec.quota.services"),
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
        details: &[Resource(
            "clusters/default/namespaces/default/services/none",
        )],
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
