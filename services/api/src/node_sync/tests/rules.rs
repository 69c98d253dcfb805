//! What is refused, and with which words.

use portolan_allocator::{Action, Delete, NodeAction};
use portolan_model::view::{OLDEST_PROJECTION_VERSION, PROJECTION_VERSION};
use portolan_proto::node::v1::sync_request::Message as Say;
use portolan_proto::node::v1::{Ack, HealthReport, Hello, Resume, WorkloadHealth};
use tonic::Code;
use tonic_types::StatusExt;

use super::plugin::{Plugin, hello};
use super::{Server, eventually, name};

#[tokio::test]
async fn a_first_message_that_is_no_good_hello_is_refused() {
    let server = Server::start(true).await;
    for (case, message, code, reason) in first_messages() {
        let mut plugin = Plugin::connect(&server).await;
        plugin.say(message).await;
        let status = plugin.end().await;
        assert_eq!(status.code(), code, "{case}: {status:?}");
        let info = status
            .get_details_error_info()
            .unwrap_or_else(|| panic!("{case}: no ErrorInfo"));
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            (reason, portolan_proto::DOMAIN),
            "{case}"
        );
    }
    eventually("every place is free again", async || {
        server.service.0.slots.available_permits() == super::super::MAX_STREAMS
    })
    .await;
}

/// First messages, and what they are answered with.
fn first_messages() -> [(&'static str, Say, Code, &'static str); 8] {
    let wrong = (Code::InvalidArgument, "STREAM_RULE_BROKEN");
    let resume = |store_id: usize, digest: usize| Resume {
        store_id: vec![0; store_id],
        revision: 1,
        digest: vec![0; digest],
    };
    let cluster = but(|hello| "other".clone_into(&mut hello.cluster));
    let node = but(|hello| "../x".clone_into(&mut hello.node));
    let projection = but(|hello| hello.projection_version += 1);
    let store_id = but(|hello| hello.resume = Some(resume(3, 16)));
    let digest = but(|hello| hello.resume = Some(resume(16, 3)));
    let address = but(|hello| {
        let description = hello.description.get_or_insert_default();
        description.addresses = vec![vec![1; 5]];
    });
    let large = but(|hello| hello.agent_version = "x".repeat(5 << 20));
    let too_large = (Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    let unsupported = (Code::FailedPrecondition, "PROJECTION_UNSUPPORTED");
    [
        ("an Ack", Say::Ack(Ack::default()), wrong),
        ("another cluster", cluster, (Code::NotFound, "NOT_FOUND")),
        ("no name", node, (Code::InvalidArgument, "FIELD_INVALID")),
        ("another projection", projection, unsupported),
        ("a store id of 3 bytes", store_id, wrong),
        ("a digest of 3 bytes", digest, wrong),
        ("an address of 5 bytes", address, wrong),
        ("a message too large", large, too_large),
    ]
    .map(|(case, message, (code, reason))| (case, message, code, reason))
}

/// A good Hello but for one thing.
fn but(change: impl FnOnce(&mut Hello)) -> Say {
    let mut hello = hello("node-1", 1);
    change(&mut hello);
    Say::Hello(hello)
}

#[tokio::test]
async fn a_plugin_needs_one_version_of_the_projection_in_common() {
    let server = Server::start(true).await;
    let newest = PROJECTION_VERSION;
    for (session, (projection_version, oldest_projection_version)) in (1..).zip([
        (newest, 0),
        (OLDEST_PROJECTION_VERSION, 0),
        (newest + 5, newest),
        (newest, 1),
    ]) {
        let hello = Hello {
            projection_version,
            oldest_projection_version,
            ..hello("node-1", session)
        };
        let _ = Plugin::join(&server, hello).await;
    }
}

#[tokio::test]
async fn an_unknown_node_is_told_how_to_become_known() {
    let server = Server::start(false).await;
    let mut plugin = Plugin::connect(&server).await;
    plugin.say(Say::Hello(hello("node-1", 1))).await;
    let status = plugin.end().await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        status.get_details_error_info().unwrap().reason,
        "NODE_NOT_REGISTERED"
    );
    assert!(
        status.message().contains("--auto-register"),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_stream_that_breaks_a_rule_later_is_ended() {
    let server = Server::start(true).await;
    let many = HealthReport {
        seq: 1,
        full: true,
        items: vec![WorkloadHealth::default(); 10_001],
    };
    let wrong = HealthReport {
        seq: 1,
        full: true,
        items: vec![WorkloadHealth::default()],
    };
    for (session, (case, message)) in (1..).zip([
        ("a second Hello", Say::Hello(hello("node-1", 9))),
        ("too many items", Say::Health(many)),
        ("a uid of no bytes", Say::Health(wrong)),
    ]) {
        let (mut plugin, _) = Plugin::join(&server, hello("node-1", session)).await;
        plugin.say(message).await;
        assert_eq!(plugin.end().await.code(), Code::InvalidArgument, "{case}");
    }
}

#[tokio::test]
async fn a_deleted_node_is_sent_away() {
    let server = Server::start(false).await;
    server.put_node("node-1").await;
    let (mut plugin, _) = Plugin::join(&server, hello("node-1", 1)).await;
    let action = Action::Node(NodeAction::Delete {
        name: name("node-1"),
        delete: Delete::default(),
    });
    server.submit(action).await;
    let status = plugin.end().await;
    assert_eq!(
        status.get_details_error_info().unwrap().reason,
        "NODE_DELETED"
    );
    assert!(
        server
            .cluster
            .distributor
            .sessions()
            .node_reports()
            .is_empty()
    );
}

#[tokio::test]
async fn a_node_that_hangs_up_ends_its_stream() {
    let server = Server::start(true).await;
    let (plugin, _) = Plugin::join(&server, hello("node-1", 1)).await;
    let mut rest = plugin.hang_up();
    let end = async { while rest.message().await.unwrap().is_some() {} };
    tokio::time::timeout(super::DEADLINE, end)
        .await
        .expect("the server ends it as well");
}
