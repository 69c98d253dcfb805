//! The API on a store in memory: over a real connection where that matters, else by its handlers.

mod errors;
mod lists;
mod masks;
mod names;
mod requests;
mod sizes;
mod watches;
mod whole;
mod words;
mod writes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_allocator::{
    Action, Allocator, ClusterAction, Committer, Context, Delete, EventRecorder, Events, Metrics,
    NewCluster, NewService, Operation, Outcome, Params, ServiceAction, SubmitError, Write,
};
use portolan_distributor::Distributor;
use portolan_model::{
    Clock, ClusterSpec, Family, Labels, Name, NodeReport, PortRange, Protocol, Scoped, ServicePort,
    ServiceSpec, TargetPort, WorkloadSpec,
};
use portolan_proto::v1;
use portolan_store::{Cache, MemStore, Store, SystemClock};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{Api, Cluster, Clusters, CreateCluster, Metrics as RequestMetrics, Requests};
use whole::{applied, whole};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_mins(1);
const NAMESPACE: &str = "clusters/default/namespaces/default";

/// An API over clusters of its own. The first one is `default`.
struct Server {
    api: Api,
    clusters: Clusters,
    store: MemStore,
    allocator: Allocator,
    events: Events,
    requests: RequestMetrics,
}

impl Server {
    async fn start() -> Self {
        let (store, clusters) = (MemStore::new(), Clusters::default());
        let (allocator, events) = begin(&store, &clusters, "default").await;
        let clock = Arc::new(SystemClock);
        Self {
            api: Api::new(clusters.clone(), Arc::new(NoMore), clock),
            clusters,
            store,
            allocator,
            events,
            requests: RequestMetrics::new(&[portolan_proto::FILE_DESCRIPTOR_SET]),
        }
    }

    /// Another cluster.
    async fn cluster(&self, name: &str) -> Allocator {
        begin(&self.store, &self.clusters, name).await.0
    }

    /// Serves on a loopback port.
    async fn connect(&self) -> Channel {
        use v1::service_api_server::ServiceApiServer;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let serving = tonic::transport::Server::builder()
            .layer(Requests::new(self.requests.clone()))
            .add_service(ServiceApiServer::new(self.api.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(async { serving.await.unwrap() });
        let url = format!("http://{address}");
        Channel::from_shared(url).unwrap().connect().await.unwrap()
    }

    async fn submit(&self, action: Action) -> Outcome {
        submit(&self.allocator, action).await
    }

    fn revision(&self) -> u64 {
        self.allocator.cache().position().revision.0
    }

    /// Creates a Service, or changes its labels.
    async fn put_service(&self, path: &str, labels: &[(&str, &str)]) -> u64 {
        let params = Params {
            labels: pairs(labels),
            spec: spec(),
            ..Params::default()
        };
        self.apply_service(path, params).await
    }

    async fn apply_service(&self, path: &str, params: Params<ServiceSpec>) -> u64 {
        let (key, put) = (scoped(path), applied(params));
        let action = Action::Service(ServiceAction::Put { key, put });
        self.submit(action).await.revision.0
    }

    /// Creates a Service whose selector is `app`, and the workload of that label, or changes the workload's readiness.
    async fn put_pair(&self, name: &str, ready: bool) -> u64 {
        let params = Params {
            spec: ServiceSpec {
                selector: pairs(&[("app", name)]).into(),
                ..spec()
            },
            ..Params::default()
        };
        self.apply_service(name, params).await;
        self.put_workload(name, &[("app", name)], ready).await
    }

    async fn put_workload(&self, name: &str, labels: &[(&str, &str)], ready: bool) -> u64 {
        let params = Params {
            labels: pairs(labels),
            spec: WorkloadSpec {
                addresses: vec!["198.51.100.7".parse().unwrap()],
                reported_ready: Some(ready),
                ..WorkloadSpec::default()
            },
            ..Params::default()
        };
        let (key, put) = (scoped(name), applied(params));
        let outcome = self.submit(Action::Workload(Write::Put { key, put })).await;
        outcome.revision.0
    }

    async fn delete_service(&self, name: &str) -> u64 {
        let key = scoped(name);
        let delete = Delete {
            allow_missing: true,
            ..Delete::default()
        };
        let action = Action::Service(ServiceAction::Delete { key, delete });
        let outcome = self.submit(action).await;
        outcome.revision.0
    }

    /// Commits more than is kept in memory.
    async fn flood(&self) {
        self.create_many("flood").await;
    }

    /// The same once more.
    async fn flood_again(&self) {
        self.create_many("again").await;
    }

    async fn create_many(&self, prefix: &str) {
        for round in 0..12 {
            let new = |i| NewService {
                key: scoped(&format!("{prefix}-{round}-{i}")),
                params: Params {
                    spec: spec(),
                    ..Params::default()
                },
            };
            let services = (0..1000).map(new).collect();
            let action = Action::Service(ServiceAction::CreateAll(services));
            self.submit(action).await;
        }
    }

    /// As if nodes had reported this through another replica.
    fn report(&self, reports: Vec<NodeReport>) {
        let cluster = self.clusters.get(&name("default")).unwrap();
        let sessions = cluster.distributor.sessions();
        sessions.learn(&cluster.state(), reports);
    }
}

async fn begin(store: &MemStore, clusters: &Clusters, cluster: &str) -> (Allocator, Events) {
    let cluster = name(cluster);
    let loaded = store.load(&cluster, 1000).await.unwrap();
    let cache = Cache::new(cluster.clone(), store.store_id(), loaded);
    let (events, recorder) = EventRecorder::new(store.clone(), cluster.clone());
    let (allocator, committer) =
        Committer::new(store.clone(), cache, events.clone(), Metrics::default());
    tokio::spawn(recorder.run());
    tokio::spawn(async { committer.run().await.unwrap() });
    let bootstrap = Action::Cluster(ClusterAction::Bootstrap(NewCluster {
        name: cluster.clone(),
        spec: ClusterSpec {
            node_ports: PortRange {
                first: 30_000,
                last: 32_767,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4],
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        },
        cidrs: vec!["10.96.0.0/16".parse().unwrap()],
    }));
    submit(&allocator, bootstrap).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let counters = portolan_distributor::Metrics::default();
    let (distributor, follower) =
        Distributor::start(allocator.cache().clone(), clock.clone(), counters).await;
    tokio::spawn(follower.run());
    let served = Cluster {
        allocator: allocator.clone(),
        distributor,
        events: events.clone(),
        clock,
    };
    clusters.insert(cluster, served);
    (allocator, events)
}

/// No test creates clusters through the API.
struct NoMore;

impl CreateCluster for NoMore {
    fn create_cluster(
        &self,
        name: Name,
        _: Operation,
    ) -> BoxFuture<'static, Result<Outcome, SubmitError>> {
        unreachable!("{name} is created through the API")
    }
}

async fn submit(allocator: &Allocator, action: Action) -> Outcome {
    let context = Context::default();
    let operation = Operation { action, context };
    allocator.submit(operation).await.unwrap()
}

fn spec() -> ServiceSpec {
    let port = ServicePort {
        name: String::new(),
        port: 80,
        protocol: Protocol::Tcp,
        target: TargetPort::Number(8080),
        app_protocol: None,
        node_port: None,
    };
    ServiceSpec {
        ports: vec![port],
        ..ServiceSpec::default()
    }
}

fn name(text: &str) -> Name {
    Name::subdomain(text).unwrap()
}

fn scoped(text: &str) -> Scoped {
    Scoped::new(name("default"), name(text))
}

fn pairs(list: &[(&str, &str)]) -> Labels {
    let list = list.iter();
    list.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// Code and ErrorInfo reason.
fn why(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, portolan_proto::DOMAIN);
    (status.code(), info.reason)
}

/// The fields that a `BadRequest` names.
fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request();
    let violations = details.map(|details| details.field_violations);
    violations.into_iter().flatten().map(|v| v.field).collect()
}
