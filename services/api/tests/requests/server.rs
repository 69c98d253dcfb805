//! All services in this process, without a socket.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use portolan_allocator::{
    Action, Allocator, ClusterAction, Committer, Context, EventRecorder, Metrics, NewCluster,
    Operation, Outcome, SubmitError,
};
use portolan_api::node_sync::{NodeSync, NodeSyncOptions, TrustHello};
use portolan_api::{Api, Cluster, Clusters, CreateCluster};
use portolan_distributor::Distributor;
use portolan_model::{Clock, ClusterSpec, Family, Name, PortRange};
use portolan_store::{Cache, MemStore, Store, SystemClock};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

/// One cluster named `default`, as new.
pub(crate) struct Server(Routes);

impl Server {
    /// With ranges so small that they are soon full.
    pub(crate) async fn start() -> Self {
        let name = Name::label("default").expect("a name");
        let clusters = Clusters::default();
        let store = MemStore::new();
        let loaded = store.load(&name, 1000).await.expect("load");
        let cache = Cache::new(name.clone(), store.store_id(), loaded);
        let (events, recorder) = EventRecorder::new(store.clone(), name.clone());
        let (allocator, committer) =
            Committer::new(store, cache.clone(), events.clone(), Metrics::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (distributor, follower) = Distributor::start(
            cache,
            clock.clone(),
            portolan_distributor::Metrics::default(),
        )
        .await;
        tokio::spawn(committer.run());
        tokio::spawn(recorder.run());
        tokio::spawn(follower.run());
        bootstrap(&allocator, &name).await;
        let cluster = Cluster {
            allocator,
            distributor,
            events,
            clock: clock.clone(),
        };
        clusters.insert(name, cluster);
        let options = NodeSyncOptions {
            replica: "fuzz".to_owned(),
            auto_register: true,
            identity: Arc::new(TrustHello),
        };
        let api = Api::new(clusters.clone(), Arc::new(NoMore), clock);
        let routes = portolan_api::routes(&api).add_service(NodeSync::new(clusters, options));
        Self(routes.prepare())
    }

    /// Sends a message to an RPC. What is not answered by an object is answered by a status that says why.
    pub(crate) async fn call(&self, path: &str, message: &[u8]) {
        if let Some(status) = self.status(path, message).await {
            check(path, &status);
        }
    }

    /// How an RPC ends; `None` if it goes on.
    pub(crate) async fn status(&self, path: &str, message: &[u8]) -> Option<Status> {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).expect("short"));
        frame.put_slice(message);
        let request = http::Request::post(path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::new(Full::new(Bytes::from(frame))))
            .expect("a request");
        let response = self.0.clone().oneshot(request).await;
        let response = response.unwrap_or_else(|never| match never {});
        let (head, mut body) = response.into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return Some(status);
        }
        // Watches and streams go on: their beginning is enough.
        while let Some(Ok(frame)) = body.frame().await {
            match frame.into_trailers() {
                Ok(trailers) => {
                    return Some(Status::from_header_map(&trailers).expect("a status"));
                }
                Err(_) if path.contains("/Watch") || path.contains("/Sync") => return None,
                Err(_) => {}
            }
        }
        None
    }
}

fn check(path: &str, status: &Status) {
    if status.code() == Code::Ok {
        return;
    }
    // What is no message never reaches a handler; tonic's word for it is INTERNAL.
    if status
        .message()
        .starts_with("failed to decode Protobuf message")
    {
        return;
    }
    assert_ne!(status.code(), Code::Internal, "{path}: {status:?}");
    assert_ne!(status.code(), Code::Unknown, "{path}: {status:?}");
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("{path}: no reason in {status:?}"));
    assert!(
        !info.reason.is_empty() && !status.message().is_empty(),
        "{path}: {status:?}"
    );
    for violation in status
        .get_details_bad_request()
        .map(|b| b.field_violations)
        .unwrap_or_default()
    {
        assert!(!violation.field.is_empty(), "{path}: {status:?}");
    }
}

/// Clusters come and go with the process around them, which is not part of this.
struct NoMore;

impl CreateCluster for NoMore {
    fn create_cluster(
        &self,
        _: Name,
        _: Operation,
    ) -> BoxFuture<'static, Result<Outcome, SubmitError>> {
        Box::pin(async { Err(SubmitError::Unavailable) })
    }
}

async fn bootstrap(allocator: &Allocator, name: &Name) {
    let spec = ClusterSpec {
        node_ports: PortRange {
            first: 30_000,
            last: 30_003,
        },
        dns_domain: "cluster.local".to_owned(),
        families: vec![Family::V4, Family::V6],
        endpoint_ranges: Vec::new(),
        workload_ranges: Vec::new(),
    };
    let cidrs = ["10.0.0.0/29", "fd00::/125"].map(|cidr| cidr.parse().expect("a range"));
    let action = Action::Cluster(ClusterAction::Bootstrap(NewCluster {
        name: name.clone(),
        spec,
        cidrs: cidrs.into(),
    }));
    let context = Context::default();
    let made = allocator.submit(Operation { action, context }).await;
    made.expect("a cluster");
}
