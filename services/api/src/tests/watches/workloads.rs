//! What watches tell of workloads.

use futures_util::StreamExt;
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType::{Added, Deleted, Synced};
use tonic::Request;
use v1::workload_api_server::WorkloadApi;

use super::super::{NAMESPACE, Server};

#[tokio::test]
async fn workloads_are_chosen_by_their_node_and_readiness() {
    let server = Server::start().await;
    let request = v1::WatchWorkloadsRequest {
        parent: NAMESPACE.to_owned(),
        filter: "ready".to_owned(),
        ..v1::WatchWorkloadsRequest::default()
    };
    let opened = server.api.watch_workloads(Request::new(request)).await;
    let mut watch = opened.unwrap().into_inner();
    let mut next = async || watch.next().await.unwrap().unwrap().r#type();
    assert_eq!(next().await, Synced);
    server.put_workload("w", &[], true).await;
    assert_eq!(next().await, Added);
    server.put_workload("w", &[], false).await;
    assert_eq!(next().await, Deleted);
}
