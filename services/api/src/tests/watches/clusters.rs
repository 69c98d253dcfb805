//! What watches tell of clusters, of which no log tells.

use futures_util::StreamExt;
use portolan_allocator::{Action, ClusterAction, Params};
use portolan_model::Labels;
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType::{Added, Deleted, Modified, Synced};
use portolan_store::MemStore;
use tonic::Request;
use v1::cluster_api_server::ClusterApi;

use super::super::{DEADLINE, Server, begin, name, submit, whole};

#[tokio::test]
async fn clusters_that_come_change_and_go_are_told() {
    let server = Server::start().await;
    let request = v1::WatchClustersRequest {
        filter: "name != default".to_owned(),
    };
    let opened = server.api.watch_clusters(Request::new(request)).await;
    let mut watch = opened.unwrap().into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(DEADLINE, watch.next()).await;
        let event = next.unwrap().unwrap().unwrap();
        let cluster = event.cluster.as_ref().map(|cluster| cluster.name.clone());
        (event.r#type(), cluster.unwrap_or_default())
    };
    assert_eq!(next().await, (Synced, String::new()));
    let east = server.cluster("east").await;
    let named = "clusters/east".to_owned();
    assert_eq!(next().await, (Added, named.clone()));
    let mut spec = east.cache().state().cluster().unwrap().spec.clone();
    spec.workload_ranges = vec!["10.0.0.0/8".parse().unwrap()];
    let update = whole(Params {
        spec,
        labels: Labels::new(),
        annotations: Labels::new(),
    });
    let update = Action::Cluster(ClusterAction::Update(update));
    submit(&east, update).await;
    assert_eq!(next().await, (Modified, named.clone()));
    // Deleted and created again between two looks.
    begin(&MemStore::new(), &server.clusters, "east").await;
    assert_eq!(next().await, (Deleted, named.clone()));
    assert_eq!(next().await, (Added, named.clone()));
    server.clusters.remove(&name("east"));
    assert_eq!(next().await, (Deleted, named));
}
