//! `portolan dev --demo`: three backends behind a Service, and proof that they share the traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use portolan_proto::v1;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::workload_api_client::WorkloadApiClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tonic::transport::Channel;

use super::NODE;
use super::machine::Machine;
use super::sandbox::Sandbox;
use crate::failure::Failure;

const NAMESPACE: &str = "clusters/default/namespaces/default";
/// Port of the Service and of its backends.
const PORT: u16 = 8080;
const BACKENDS: usize = 3;
/// How long the first balanced answers may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two requests that are not shown.
const PAUSE: Duration = Duration::from_millis(20);
/// Requests that are shown at least, and at most while a backend is still missing.
const REQUESTS: std::ops::Range<usize> = 9..60;

/// Where backends and clients are.
pub(super) struct Places {
    backends: Handle,
    clients: Handle,
    /// Addresses of their own, so that nothing else on the machine is in the way.
    addresses: [Ipv4Addr; BACKENDS],
    /// Before commands that belong to where backends are, and to where clients are.
    prefixes: [String; 2],
}

impl Places {
    /// On this machine's loopback.
    pub(super) fn here() -> Self {
        Self {
            backends: Handle::current(),
            clients: Handle::current(),
            addresses: [1, 2, 3].map(|n| Ipv4Addr::new(127, 0, 97, n)),
            prefixes: [String::new(), String::new()],
        }
    }

    /// On machines of their own.
    pub(super) fn within(sandbox: &Sandbox) -> Self {
        let enter = |machine: &Machine| format!("nsenter --net={} ", machine.path());
        Self {
            backends: sandbox.workloads.runtime().clone(),
            clients: sandbox.client.runtime().clone(),
            addresses: [11, 12, 13].map(|n| Ipv4Addr::new(10, 244, 0, n)),
            prefixes: [enter(&sandbox.workloads), enter(&sandbox.client)],
        }
    }
}

/// The running backends; they end with this value.
pub(super) struct Demo {
    places: Places,
    binary: PathBuf,
    children: Vec<(String, SocketAddr, Child)>,
    frontend: SocketAddr,
}

impl Demo {
    /// Starts the backends and registers them; doing so again changes nothing.
    pub(super) async fn start(
        server: &str,
        places: Places,
        address: Option<&str>,
    ) -> Result<Self, Failure> {
        let binary = std::env::current_exe()?;
        let channel =
            Channel::from_shared(server.to_owned()).map_err(|e| Failure::Start(e.to_string()))?;
        let channel = channel
            .connect()
            .await
            .map_err(|e| Failure::Start(format!("{server}: {e}")))?;
        let mut children = Vec::new();
        for (i, address) in (1..).zip(places.addresses) {
            let (name, address) = (format!("demo-{i}"), SocketAddr::from((address, PORT)));
            let (program, named) = (binary.clone(), name.clone());
            // A child is where the thread is that starts it.
            let child = places
                .backends
                .spawn(async move { spawn(&program, &named, address) });
            let child = child.await.map_err(|e| Failure::Start(e.to_string()))??;
            children.push((name.clone(), address, child));
            register(channel.clone(), &name, address, NODE)
                .await
                .map_err(|status| refused(&status))?;
        }
        let frontend = service(channel, address)
            .await
            .map_err(|status| refused(&status))?;
        Ok(Self {
            places,
            binary,
            children,
            frontend,
        })
    }

    /// Sends requests until every backend has answered, and says what to try next.
    pub(super) async fn show(&self) -> Result<(), Failure> {
        let backends = self.settle().await?;
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        let mut shown = 0;
        while shown < REQUESTS.start || (answers.len() < backends && shown < REQUESTS.end) {
            let answer = self.ask().await;
            let answer = answer.unwrap_or_else(|error| format!("no answer: {error}"));
            println!("  GET http://{}/ -> {answer}", self.frontend);
            *answers.entry(answer).or_default() += 1;
            shown += 1;
        }
        for (answer, times) in &answers {
            println!("  {times:>3} from {answer}");
        }
        self.explain();
        Ok(())
    }

    /// Asks until every backend has answered, and says how many have when patience ends: the first to pass its probe
    /// gets all traffic until the others have passed theirs.
    async fn settle(&self) -> Result<usize, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let (mut answered, mut failure) = (BTreeSet::new(), None);
        while answered.len() < self.children.len() && Instant::now() < deadline {
            match self.ask().await {
                Ok(answer) => {
                    answered.insert(answer);
                }
                Err(error) => failure = Some(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        match failure {
            Some(error) if answered.is_empty() => Err(Failure::Start(format!(
                "no answer from http://{}: {error}",
                self.frontend
            ))),
            _ => Ok(answered.len()),
        }
    }

    /// A request from where clients are.
    async fn ask(&self) -> std::io::Result<String> {
        let asked = self.places.clients.spawn(ask(self.frontend)).await;
        asked.map_err(std::io::Error::other)?
    }

    fn explain(&self) {
        println!(
            "\nService default/demo is at http://{} ; behind it:",
            self.frontend
        );
        for (name, address, child) in &self.children {
            println!(
                "  {name}  {address}  pid {}",
                child.id().unwrap_or_default()
            );
        }
        let (name, address, child) = &self.children[0];
        let binary = self.binary.display();
        let [backends, clients] = &self.places.prefixes;
        println!(
            "\nTry, in another terminal:\n  {clients}curl http://{}\n  kill {pid}        # no new connection reaches {name} any more\n  {backends}{binary} demo-backend --listen {address} --name {name}        # and it is back\n  {binary} get services,workloads,endpoints\n  {binary} describe service demo\n  {binary} apply -f FILE        # Kubernetes' own YAML\n\nEnd with Ctrl-C; the data stays.",
            self.frontend,
            pid = child.id().unwrap_or_default(),
        );
    }
}

fn spawn(binary: &PathBuf, name: &str, address: SocketAddr) -> Result<Child, Failure> {
    let mut command = Command::new(binary);
    command.args([
        "demo-backend",
        "--until-eof",
        "--name",
        name,
        "--listen",
        &address.to_string(),
    ]);
    // The write end of its standard input is ours: it ends with us, even if we are killed.
    command.stdin(Stdio::piped()).kill_on_drop(true);
    Ok(command.spawn()?)
}

async fn register(
    channel: Channel,
    name: &str,
    address: SocketAddr,
    node: &str,
) -> Result<(), tonic::Status> {
    let probe = v1::Probe {
        action: Some(v1::probe::Action::HttpGet(v1::HttpGet {
            path: "/healthz".to_owned(),
            target: Some(v1::http_get::Target::Port(PORT.into())),
            ..v1::HttpGet::default()
        })),
        period_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
        ..v1::Probe::default()
    };
    let workload = v1::Workload {
        name: format!("{NAMESPACE}/workloads/{name}"),
        labels: [("app".to_owned(), "demo".to_owned())].into(),
        spec: Some(v1::WorkloadSpec {
            addresses: vec![address.ip().to_string()],
            node: node.to_owned(),
            readiness_probe: Some(probe),
            ..v1::WorkloadSpec::default()
        }),
        ..v1::Workload::default()
    };
    let request = v1::UpdateWorkloadRequest {
        workload: Some(workload),
        allow_missing: true,
        ..Default::default()
    };
    WorkloadApiClient::new(channel)
        .update_workload(request)
        .await?;
    Ok(())
}

async fn service(channel: Channel, address: Option<&str>) -> Result<SocketAddr, tonic::Status> {
    let port = v1::ServicePort {
        port: PORT.into(),
        ..v1::ServicePort::default()
    };
    let service = v1::Service {
        name: format!("{NAMESPACE}/services/demo"),
        spec: Some(v1::ServiceSpec {
            selector: [("app".to_owned(), "demo".to_owned())].into(),
            ports: vec![port],
            cluster_ips: address.map(str::to_owned).into_iter().collect(),
            ..v1::ServiceSpec::default()
        }),
        ..v1::Service::default()
    };
    let request = v1::UpdateServiceRequest {
        service: Some(service),
        allow_missing: true,
        ..Default::default()
    };
    let service = ServiceApiClient::new(channel)
        .update_service(request)
        .await?
        .into_inner();
    let address = service
        .spec
        .and_then(|spec| spec.cluster_ips.first()?.parse().ok());
    let address: std::net::IpAddr =
        address.ok_or_else(|| tonic::Status::internal("the Service has no address"))?;
    Ok(SocketAddr::new(address, PORT))
}

/// A request, without more HTTP than that.
async fn ask(frontend: SocketAddr) -> std::io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(frontend).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            .await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        Ok::<_, std::io::Error>(response)
    };
    let response = tokio::time::timeout(Duration::from_secs(2), exchange)
        .await
        .map_err(std::io::Error::from)??;
    let body = response
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.trim().to_owned());
    body.filter(|body| !body.is_empty())
        .ok_or_else(|| std::io::Error::other("an empty answer"))
}

fn refused(status: &tonic::Status) -> Failure {
    Failure::Start(format!(
        "the demo could not be registered: {}",
        status.message()
    ))
}
