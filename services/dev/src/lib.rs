//! `portolan dev`: control plane and one node in a single process, and a demo of three backends if asked for.
//!
//! It puts together what others do: the server is that of `portolan serve`, the node an agent with one of the dataplanes.
//!
//! ```text
//!  Dev --> Server (SQLite in the data directory)
//!      '-> Node: agent + userspace on this machine, or nftables or IPVS in a sandbox of network namespaces
//!      '-> Demo: backends beside the node, a Service in front of them, and who answers
//! ```
//! Start reading at [`Dev`].

mod args;
mod backend;
mod data;
mod demo;
mod host;
mod machine;
mod sandbox;

pub use args::Dev;
pub use backend::DemoBackend;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use portolan_agent::{AgentConfig, AgentError, Description};
use portolan_dataplane::{Dataplane, DataplaneError};
use portolan_ipvs::IpvsDataplane;
use portolan_nftables::NftablesDataplane;
use portolan_userspace::UserspaceDataplane;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use args::Kind;
use data::DataDir;
use demo::{Demo, Places};
use portolan_server::{Server, ServerError, ServerOptions, Settings, telemetry};
use sandbox::Sandbox;

/// Name of the one node.
const NODE: &str = "dev";

impl Dev {
    /// Runs until the process is asked to end. Boxed, as what the server offers.
    pub fn run(self) -> BoxFuture<'static, Result<(), ServerError>> {
        Box::pin(self.serve())
    }

    async fn serve(self) -> Result<(), ServerError> {
        let _telemetry = telemetry("warn")?;
        self.check()?;
        let data = DataDir::open(self.data_dir()?)?;
        if self.reset {
            data.reset()?;
        }
        let settings = self.cluster_flags().settings()?;
        let remedy = format!(
            "start afresh with --reset, which forgets everything in {}",
            data.path().display()
        );
        let server = Server::start(ServerOptions {
            store: data.store(),
            ports: self.ports.clone(),
            settings: settings.clone(),
            auto_register: true,
            remedy,
        })
        .await?;
        let url = format!("http://{}", connectable(server.address()));
        println!(
            "API at {url}, metrics at http://{}/metrics, data in {}",
            self.ports.http_listen,
            data.path().display()
        );

        let (stop, stopped) = oneshot::channel();
        let place = NodePlace {
            dev: &self,
            server: connectable(server.address()),
            settings: &settings,
            data: &data,
        };
        let node = place.start(stopped).await?;
        let demo = self.demo(&url, node.places()).await?;
        let ended = server.until(portolan_process::terminated()).await;
        drop(demo);
        drop(stop);
        ended.and(node.ended().await)
    }

    /// The demo, which has shown itself; none if it is not asked for.
    async fn demo(&self, url: &str, places: Places) -> Result<Option<Demo>, ServerError> {
        if !self.demo {
            return Ok(None);
        }
        let demo = Demo::start(url, places, self.demo_addresses()).await?;
        demo.show().await?;
        Ok(Some(demo))
    }
}

/// What a node is started with.
struct NodePlace<'a> {
    dev: &'a Dev,
    server: SocketAddr,
    settings: &'a Settings,
    data: &'a DataDir,
}

impl NodePlace<'_> {
    /// Starts a node on this machine, or in a sandbox. It runs until it is told to stop.
    async fn start(&self, stopped: oneshot::Receiver<()>) -> Result<Node, ServerError> {
        let (sandbox, addresses) = self.sandbox().await?;
        let config = self.config(addresses);
        let runtime = match &sandbox {
            Some(sandbox) => sandbox.node.runtime().clone(),
            None => Handle::current(),
        };
        let stopped = async move {
            // A dropped sender means the same.
            let _ = stopped.await;
        };
        let agent = match self.dev.dataplane {
            Kind::Userspace => {
                run_on(&runtime, || Ok(UserspaceDataplane::new()), config, stopped).await?
            }
            Kind::Nftables => {
                let make = || NftablesDataplane::new(portolan_nftables::Options::default());
                run_on(&runtime, make, config, stopped).await?
            }
            Kind::Ipvs => {
                let make = || IpvsDataplane::new(portolan_ipvs::Options::default());
                run_on(&runtime, make, config, stopped).await?
            }
        };
        Ok(Node { agent, sandbox })
    }

    /// The node's sandbox if it has one, and its addresses.
    async fn sandbox(&self) -> Result<(Option<Sandbox>, Vec<IpAddr>), ServerError> {
        let dev = self.dev;
        if dev.dataplane == Kind::Userspace {
            return Ok((None, vec![Ipv4Addr::LOCALHOST.into()]));
        }
        if dev.host_network {
            let addresses = host::addresses().await?;
            host::explain(dev.dataplane, self.settings, &addresses);
            return Ok((None, addresses));
        }
        let sandbox = Sandbox::new().await?;
        sandbox.share(self.server).await?;
        let addresses = sandbox.addresses.clone();
        Ok((Some(sandbox), addresses))
    }

    fn config(&self, addresses: Vec<IpAddr>) -> AgentConfig {
        AgentConfig {
            server: format!("http://{}", self.server),
            cluster: self.settings.cluster.as_str().to_owned(),
            node: NODE.to_owned(),
            description: Description {
                addresses,
                ..Description::default()
            },
            state_dir: self.data.node(),
            // The store next to it is its own, however often it was reset.
            accept_store: true,
            metrics_listen: None,
            // Nobody but us needs what is in the host's kernel.
            leave_after: self.dev.host_network.then_some(Duration::ZERO),
        }
    }
}

/// The one node.
struct Node {
    agent: JoinHandle<Result<(), AgentError>>,
    sandbox: Option<Sandbox>,
}

impl Node {
    /// Waits until the node has ended, and says what it failed with.
    async fn ended(self) -> Result<(), ServerError> {
        let failed = |error: String| ServerError::Start(format!("the node: {error}"));
        let ended = self
            .agent
            .await
            .map_err(|error| failed(error.to_string()))?;
        ended.map_err(|error| failed(error.to_string()))
    }

    /// Where the demo's backends and clients are.
    fn places(&self) -> Places {
        match &self.sandbox {
            None => Places::here(),
            Some(sandbox) => Places::within(sandbox),
        }
    }
}

/// Makes a dataplane where the node is, and runs an agent with it there.
async fn run_on<D: Dataplane>(
    runtime: &Handle,
    make: impl FnOnce() -> Result<D, DataplaneError> + Send + 'static,
    config: AgentConfig,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<Result<(), AgentError>>, ServerError> {
    let dataplane = runtime.spawn(async { make() }).await;
    let dataplane = dataplane
        .map_err(|e| ServerError::Start(e.to_string()))?
        .map_err(|e| ServerError::Start(format!("the node: {e}")))?;
    Ok(runtime.spawn(portolan_agent::run(config, dataplane, stopped)))
}

/// Where a listener on every address can be reached.
fn connectable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}
