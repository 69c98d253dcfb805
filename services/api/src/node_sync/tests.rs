//! The service over a real connection, with tonic's own client.

mod oversized;
mod plugin;
mod rules;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portolan_allocator::{
    Action, ClusterAction, Committer, Context, EventRecorder, Metrics, NewCluster, NodeAction,
    Operation, Outcome, Params, Put, ServiceAction, Write,
};
use portolan_distributor::Distributor;
use portolan_model::{
    Clock, ClusterSpec, Family, Name, NodeSpec, PortRange, Probe, ProbeAction, ProbePort, Revision,
    Scoped, ServicePort, ServiceSpec, TargetPort, WorkloadSpec,
};
use portolan_store::{Cache, MemStore, Store, SystemClock};
use tokio_stream::wrappers::TcpListenerStream;

use super::{NodeSync, NodeSyncOptions, TrustHello};
use crate::{Cluster, Clusters};

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server on a loopback port, with one cluster named `default`.
struct Server {
    address: SocketAddr,
    service: NodeSync,
    cluster: Cluster,
    store: MemStore,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

fn name(text: &str) -> Name {
    Name::subdomain(text).unwrap()
}

impl Server {
    async fn start(auto_register: bool) -> Self {
        Self::over(MemStore::new(), auto_register).await
    }

    /// Over what a store has.
    async fn over(store: MemStore, auto_register: bool) -> Self {
        let loaded = store.load(&name("default"), 1000).await.unwrap();
        let cache = Cache::new(name("default"), store.store_id(), loaded);
        let (events, recorder) = EventRecorder::new(store.clone(), name("default"));
        let (allocator, committer) = Committer::new(
            store.clone(),
            cache.clone(),
            events.clone(),
            Metrics::default(),
        );
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (distributor, follower) = Distributor::start(
            cache,
            clock.clone(),
            portolan_distributor::Metrics::default(),
        )
        .await;
        let cluster = Cluster {
            allocator,
            distributor,
            events,
            clock,
        };
        let options = NodeSyncOptions {
            replica: "test".to_owned(),
            auto_register,
            identity: Arc::new(TrustHello),
        };
        let clusters = Clusters::default();
        clusters.insert(name("default"), cluster.clone());
        let service = NodeSync::new(clusters, options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tonic::transport::Server::builder()
            .add_service(service.clone())
            .serve_with_incoming(TcpListenerStream::new(listener));
        let tasks = vec![
            tokio::spawn(follower.run()),
            tokio::spawn(recorder.run()),
            tokio::spawn(async { committer.run().await.unwrap() }),
            tokio::spawn(async { serving.await.unwrap() }),
        ];
        let server = Self {
            address,
            service,
            cluster,
            store,
            tasks,
        };
        server.submit(bootstrap()).await;
        server
    }

    async fn submit(&self, action: Action) -> Outcome {
        let context = Context::default();
        let operation = Operation { action, context };
        self.cluster.allocator.submit(operation).await.unwrap()
    }

    /// Registers a node, or any view that a test can wait for.
    async fn put_node(&self, text: &str) -> Revision {
        let action = Action::Node(NodeAction::Put {
            name: name(text),
            put: Put::Create(Params::default()),
        });
        self.submit(action).await.revision
    }

    async fn put_service(&self, text: &str) -> Outcome {
        let port = ServicePort {
            name: String::new(),
            port: 80,
            protocol: portolan_model::Protocol::Tcp,
            target: TargetPort::Number(8080),
            app_protocol: None,
            node_port: None,
        };
        let params = Params {
            spec: ServiceSpec {
                ports: vec![port],
                ..ServiceSpec::default()
            },
            ..Params::default()
        };
        self.submit(Action::Service(ServiceAction::Put {
            key: Scoped::new(name("default"), name(text)),
            put: Put::Create(params),
        }))
        .await
    }

    /// A workload that a node has to probe.
    async fn put_workload(&self, text: &str, node: &str) -> Outcome {
        let probe = Probe {
            action: ProbeAction::TcpConnect {
                port: ProbePort::Number(80),
            },
            initial_delay_seconds: 0,
            period_seconds: 10,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 3,
        };
        let spec = WorkloadSpec {
            addresses: vec!["192.0.2.1".parse().unwrap()],
            node: Some(name(node)),
            probe: Some(probe),
            ..WorkloadSpec::default()
        };
        let params = Params {
            spec,
            ..Params::default()
        };
        self.submit(Action::Workload(Write::Put {
            key: Scoped::new(name("default"), name(text)),
            put: Put::Create(params),
        }))
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

fn bootstrap() -> Action {
    Action::Cluster(ClusterAction::Bootstrap(NewCluster {
        name: name("default"),
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
    }))
}

/// Waits until something holds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect(what);
}

/// How a registered node describes itself.
fn described() -> NodeSpec {
    NodeSpec {
        addresses: vec!["198.51.100.1".parse().unwrap()],
        zone: "a".to_owned(),
        node_port_addresses: Vec::new(),
        dataplane: "fake".to_owned(),
    }
}
