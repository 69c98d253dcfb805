//! What needs more than a state: a store that is away, somebody who meddles with it, much data, many callers.
//! The longer ones have files of their own.

use std::process::Command;

use portolan_store_postgres::testing::{TestServer, fresh_database, program};
use portolan_tests::api::block_on;
use portolan_tests::{Server, Store, eventually, run};
use tonic::Code;

use crate::call::by_tonic;
use crate::row::Detail::{Field, Metadata, Quota, Retry};
use crate::row::{Row, Spoken};

const MANIFEST: &str =
    "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}";
const CREATE: &str =
    "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'ports': [{'port': 80}]}}}";

/// A Service that nothing is wrong with, at a bad time.
const fn create(
    name: &'static str,
    code: Code,
    reason: &'static str,
    details: &'static [crate::row::Detail],
    says: &'static str,
) -> Row {
    Row {
        name,
        method: "ServiceAPI/CreateService",
        request: CREATE,
        code,
        reason,
        details,
        command: Some(Spoken {
            arguments: &["apply", "-f", "-"],
            input: MANIFEST,
            says,
        }),
    }
}

const UNAVAILABLE: usize = 0;
pub(crate) const OVERLOADED: usize = 1;
const INCONSISTENT: usize = 2;
pub(crate) const TOO_LARGE: usize = 3;
pub(crate) const COMPACTED: usize = 4;
pub(crate) const TOO_SLOW: usize = 5;
pub(crate) const RELOADED: usize = 6;
pub(crate) const SHUTTING_DOWN: usize = 7;
pub(crate) const NODE_DELETED: usize = 8;
const NO_ADDRESS: usize = 9;
const NO_PORT: usize = 10;
const NO_CLUSTER: usize = 11;
pub(crate) const BATCH: usize = 12;

pub(crate) const ROWS: &[Row] = &[
    create(
        "the store is away",
        Code::Unavailable,
        "STORE_UNAVAILABLE",
        &[Retry],
        "service/web: stdin:1:1: the server at http://127.0.0.1:",
    ),
    create(
        "more writes than can wait",
        Code::ResourceExhausted,
        "OVERLOADED",
        &[Retry],
        "service/web: stdin:1:1: too many writes are waiting",
    ),
    create(
        "a log that nobody can read",
        Code::Internal,
        "INCONSISTENT",
        &[],
        "service/web: stdin:1:1: internal disagreement",
    ),
    Row {
        name: "more rows than one transaction may write",
        method: "NamespaceAPI/DeleteNamespace",
        request: "{'name': 'clusters/default/namespaces/big', 'force': true}",
        code: Code::InvalidArgument,
        reason: "OPERATION_TOO_LARGE",
        details: &[Metadata("limit", "20000")],
        command: Some(Spoken {
            arguments: &["delete", "namespace", "big", "--force"],
            input: "",
            says: "namespace \"big\": the operation would write 22",
        }),
    },
    Row {
        name: "a watch from before the log",
        method: "ServiceAPI/WatchServices",
        request: "{'parent': 'NS', 'fromRevision': '1'}",
        code: Code::OutOfRange,
        reason: "REVISION_COMPACTED",
        details: &[],
        command: None,
    },
    Row {
        name: "a watcher that does not read",
        method: "ServiceAPI/WatchServices",
        request: "{'parent': 'NS'}",
        code: Code::Aborted,
        reason: "WATCH_TOO_SLOW",
        details: &[],
        command: None,
    },
    Row {
        name: "a watch of what was loaded anew",
        method: "ServiceAPI/WatchServices",
        request: "{'parent': 'NS'}",
        code: Code::OutOfRange,
        reason: "STORE_RELOADED",
        details: &[],
        command: None,
    },
    Row {
        name: "a watch of a server that ends",
        method: "ServiceAPI/WatchServices",
        request: "{'parent': 'NS'}",
        code: Code::Unavailable,
        reason: "SHUTTING_DOWN",
        details: &[Retry],
        command: None,
    },
    Row {
        name: "the stream of a node that is deleted",
        method: "NodeSync/Sync",
        request: "",
        code: Code::FailedPrecondition,
        reason: "NODE_DELETED",
        details: &[],
        command: None,
    },
    create(
        "a full range",
        Code::ResourceExhausted,
        "CLUSTER_IP_EXHAUSTED",
        &[
            Quota("10.0.0.0/30"),
            Metadata("used", "2"),
            Metadata("quarantined", "0"),
            Metadata("capacity", "2"),
        ],
        "service/web: stdin:1:62: spec.clusterIPs: no IPv4 address is free in 10.0.0.0/30: 2 in use, 0 released but not yet free, of 2",
    ),
    Row {
        name: "no node port",
        method: "ServiceAPI/UpdateService",
        request: "{'service': {'name': 'NS/services/b', 'spec': {'type': 'SERVICE_TYPE_NODE_PORT'}}, 'updateMask': 'spec.type'}",
        code: Code::ResourceExhausted,
        reason: "NODE_PORT_EXHAUSTED",
        details: &[
            Quota("30000-30000"),
            Metadata("used", "1"),
            Metadata("quarantined", "0"),
            Metadata("capacity", "1"),
        ],
        command: Some(Spoken {
            arguments: &["apply", "-f", "-"],
            input: "{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {type: NodePort, ports: [{port: 80}]}}",
            says: "service/b: stdin:1:84: spec.ports: no node port is free in 30000-30000: 1 in use",
        }),
    },
    Row {
        name: "more clusters than one control plane serves",
        method: "ClusterAPI/CreateCluster",
        request: "{'clusterId': 'one-more', 'serviceCidrs': ['10.1.0.0/28']}",
        code: Code::ResourceExhausted,
        reason: "CLUSTERS_EXHAUSTED",
        details: &[
            Quota("clusters"),
            Metadata("used", "256"),
            Metadata("capacity", "256"),
        ],
        command: None,
    },
    Row {
        name: "a batch that is too long",
        method: "ServiceAPI/BatchCreateServices",
        request: "",
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        details: &[Field("requests")],
        command: None,
    },
];

pub(crate) fn psql(url: &str, statement: &str) {
    let mut command = Command::new(program("psql").expect("psql"));
    command.args([
        url,
        "--no-psqlrc",
        "--quiet",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        statement,
    ]);
    let said = run(command, "");
    assert_eq!(said.code, 0, "{statement}: {said:?}");
}

pub(crate) fn done(server: &Server<'_>, method: &str, request: &str) {
    let done = by_tonic(&server.url(), method, request);
    done.unwrap_or_else(|status| panic!("{request}: {status:?}"));
}

#[test]
fn a_stopped_store() {
    let mut postgres = TestServer::start().expect("Postgres");
    let url = block_on(postgres.create_database("portolan")).expect("a database");
    let server = Server::start(None, &Store::Postgres(url), &[]);
    postgres.stop();
    ROWS[UNAVAILABLE].check(&server);
    postgres.start_again().expect("Postgres");
    eventually("it is created", || {
        by_tonic(&server.url(), "ServiceAPI/CreateService", CREATE)
    });
}

#[test]
fn a_log_that_somebody_wrote_into() {
    let url = block_on(fresh_database()).expect("a database");
    let server = Server::start(None, &Store::Postgres(url.clone()), &[]);
    psql(
        &url,
        "INSERT INTO change_log SELECT cluster, rev + 1, ord, kind, path, uid, before, '{}', committed_at, token, traceparent, digest, format FROM change_log WHERE rev = (SELECT max(rev) FROM change_log) ORDER BY ord DESC LIMIT 1",
    );
    ROWS[INCONSISTENT].check(&server);
}

#[test]
fn full_ranges() {
    let flags = [
        "--service-cidr",
        "10.0.0.0/30",
        "--node-port-range",
        "30000-30000",
    ];
    let server = Server::start(None, &Store::Sqlite, &flags);
    for (name, kind) in [("a", "NODE_PORT"), ("b", "CLUSTER_IP")] {
        let create = format!(
            "{{'parent': 'NS', 'serviceId': '{name}', 'service': {{'spec': {{'type': 'SERVICE_TYPE_{kind}', 'ports': [{{'port': 80}}]}}}}}}"
        );
        done(&server, "ServiceAPI/CreateService", &create);
    }
    ROWS[NO_ADDRESS].check(&server);
    ROWS[NO_PORT].check(&server);
}

#[test]
fn as_many_clusters_as_there_may_be() {
    let server = Server::start(None, &Store::Sqlite, &[]);
    for i in 1..256 {
        let create = format!("{{'clusterId': 'c{i}', 'serviceCidrs': ['10.1.0.0/28']}}");
        done(&server, "ClusterAPI/CreateCluster", &create);
    }
    ROWS[NO_CLUSTER].check(&server);
}
