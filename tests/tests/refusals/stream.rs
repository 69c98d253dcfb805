//! How the stream of a node is refused.

use portolan_tests::api::block_on;
use portolan_tests::{Node, Server, Store};
use tonic::Code;

use crate::call::by_tonic;
use crate::row::Row;

const SYNC: &str = "NodeSync/Sync";

/// The node n1 is there in session 1, and the server was told to register nobody.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "no Hello",
        method: SYNC,
        request: "",
        code: Code::DeadlineExceeded,
        reason: "HELLO_MISSING",
        details: &[],
        command: None,
    },
    Row {
        name: "something else than a Hello",
        method: SYNC,
        request: "{'heartbeat': {}}",
        code: Code::InvalidArgument,
        reason: "STREAM_RULE_BROKEN",
        details: &[],
        command: None,
    },
    Row {
        name: "a plugin that is too new",
        method: SYNC,
        request: "{'hello': {'cluster': 'default', 'node': 'n1', 'session': '6', 'projectionVersion': 99}}",
        code: Code::FailedPrecondition,
        reason: "PROJECTION_UNSUPPORTED",
        details: &[],
        command: None,
    },
    Row {
        name: "an older session",
        method: SYNC,
        request: "{'hello': {'cluster': 'default', 'node': 'n1', 'session': '1', 'projectionVersion': 2}}",
        code: Code::Aborted,
        reason: "SESSION_SUPERSEDED",
        details: &[],
        command: None,
    },
    Row {
        name: "a node that nobody registered",
        method: SYNC,
        request: "{'hello': {'cluster': 'default', 'node': 'n2', 'session': '1', 'projectionVersion': 2}}",
        code: Code::FailedPrecondition,
        reason: "NODE_NOT_REGISTERED",
        details: &[],
        command: None,
    },
];

#[test]
fn a_stream_that_is_refused_says_so_to_every_client() {
    let server = Server::start(None, &Store::Sqlite, &["--auto-register=false"]);
    let create = "{'parent': 'clusters/default', 'nodeId': 'n1', 'node': {'spec': {'addresses': ['192.0.2.9']}}}";
    let created = by_tonic(&server.url(), "NodeAPI/CreateNode", create);
    created.expect("it is right");
    let open = block_on(Node::connect(&server.url(), "n1")).expect("a stream");
    for row in ROWS {
        row.check(&server);
    }
    drop(open);
}
