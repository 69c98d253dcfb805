//! What watches tell of statuses.

use std::sync::Arc;
use std::time::Duration;

use portolan_allocator::{Action, NodeAction};
use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{Node, NodeReport, Rejection, RejectionCode, Revision, Timestamp, Uid};
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType::{Bookmark, Status, Synced};
use tonic::Request;
use v1::service_api_server::ServiceApi;

use super::super::{NAMESPACE, Server, name};
use super::{Watch, told};

async fn node(server: &Server) -> Arc<Node> {
    let register = NodeAction::Register {
        name: name("n1"),
        spec: portolan_model::NodeSpec::default(),
    };
    server.submit(Action::Node(register)).await;
    let node = server.allocator.cache().state().node(&name("n1")).cloned();
    node.unwrap()
}

fn reported(node: &Node, attempted: u64, rejected: Option<Uid>) -> Vec<NodeReport> {
    let rejection = |uid| Rejection {
        object: ViewKey::new(ViewKind::Service, uid),
        since: Revision(1),
        code: RejectionCode::PortInUse,
        message: "taken".to_owned(),
    };
    vec![NodeReport {
        node: node.meta.name.clone(),
        uid: node.meta.uid,
        session: 1,
        connected: true,
        attempted: Revision(attempted),
        durable: Revision(attempted),
        rejected: rejected.map(rejection).into_iter().collect(),
        last_contact: Timestamp(1),
    }]
}

#[tokio::test(start_paused = true)]
async fn what_nodes_report_is_told_without_a_revision_and_not_too_often() {
    let server = Server::start().await;
    let node = node(&server).await;
    server.put_service("a", &[]).await;
    let last = server.put_pair("b", false).await;
    let mut watch = Watch::open(&server, "", 0).await;
    while watch.next().await.0 != Synced {}

    server.report(reported(&node, last, None));
    let mut told_of = Vec::new();
    for _ in 0..2 {
        let event = watch.message().await.unwrap();
        assert_eq!((event.r#type(), event.revision), (Status, 0));
        let service = event.service.unwrap();
        assert_eq!(service.status.unwrap().programmed_nodes, 1);
        told_of.push(service.name.rsplit('/').next().unwrap().to_owned());
    }
    assert_eq!(told_of, ["a", "b"]);

    // One Service that changes all the time.
    let uid = watch_uid(&server, "a").await;
    let begun = tokio::time::Instant::now();
    for round in 0..4 {
        server.report(reported(&node, last, (round % 2 == 0).then_some(uid)));
        assert_eq!(watch.next().await, told(Status, "a", 0));
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );

    // Endpoints are no write of the Service either.
    server.put_workload("b", &[("app", "b")], true).await;
    let event = watch.message().await.unwrap();
    assert_eq!((event.r#type(), event.revision), (Status, 0));
    let status = event.service.unwrap().status.unwrap();
    assert_eq!((status.endpoints, status.ready_endpoints), (1, 1));
    // Nothing changed: nothing is told until the next bookmark.
    assert_eq!(watch.next().await.0, Bookmark);
}

async fn watch_uid(server: &Server, service: &str) -> Uid {
    let request = v1::GetServiceRequest {
        name: format!("{NAMESPACE}/services/{service}"),
        ..v1::GetServiceRequest::default()
    };
    let found = server.api.get_service(Request::new(request)).await;
    found.unwrap().into_inner().uid.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_goes_on_is_told_what_it_could_have_told_before() {
    let server = Server::start().await;
    let node = node(&server).await;
    server.put_service("a", &[]).await;
    let last = server.put_pair("b", false).await;
    // Nobody watches.
    server.put_workload("b", &[("app", "b")], true).await;
    let mut watch = Watch::open(&server, "", last).await;
    assert_eq!(watch.next().await, told(Status, "b", 0));
    server.report(reported(&node, last, None));
    let next = [watch.next().await, watch.next().await];
    assert_eq!(next, [told(Status, "a", 0), told(Status, "b", 0)]);
}
