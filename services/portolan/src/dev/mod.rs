//! `portolan dev`: control plane and one userspace node in a single process.

mod args;
mod backend;
mod data;
mod demo;

pub(crate) use args::Dev;
pub(crate) use backend::DemoBackend;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portolan_agent::{AgentConfig, Description};
use portolan_userspace::UserspaceDataplane;

use crate::failure::Failure;
use crate::serve::{Server, telemetry};
use data::DataDir;
use demo::Demo;

impl Dev {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let _telemetry = telemetry("warn")?;
        let data = DataDir::open(self.data_dir()?)?;
        if self.reset {
            data.reset()?;
        }
        let settings = self.cluster_flags().settings()?;
        let remedy = format!(
            "start afresh with --reset, which forgets everything in {}",
            data.path().display()
        );
        let server = Server::start(&data.store(), &self.ports, &settings, true, &remedy).await?;
        let url = format!("http://{}", connectable(server.address()));
        println!(
            "API at {url}, metrics at http://{}/metrics, data in {}",
            self.ports.http_listen,
            data.path().display()
        );

        let config = node(&url, settings.cluster.as_str(), &data);
        let name = config.node.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let agent = tokio::spawn(portolan_agent::run(
            config,
            UserspaceDataplane::new(),
            async move {
                // A dropped sender means the same.
                let _ = stopped.await;
            },
        ));
        let demo = if self.demo {
            let demo = Demo::start(&url, &name, self.demo_address()).await?;
            demo.show().await?;
            Some(demo)
        } else {
            None
        };
        let ended = server.until(portolan_agent::terminated()).await;
        drop(demo);
        drop(stop);
        match agent.await {
            Ok(Ok(())) => ended,
            Ok(Err(error)) => ended.and(Err(Failure::Start(format!("the node: {error}")))),
            Err(error) => ended.and(Err(Failure::Start(format!("the node: {error}")))),
        }
    }
}

/// The one node: this machine, on loopback.
fn node(server: &str, cluster: &str, data: &DataDir) -> AgentConfig {
    AgentConfig {
        server: server.to_owned(),
        cluster: cluster.to_owned(),
        node: "dev".to_owned(),
        description: Description {
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            zone: String::new(),
            node_port_addresses: Vec::new(),
            dataplane: "userspace".to_owned(),
        },
        state_dir: data.node(),
        // The store next to it is its own, however often it was reset.
        accept_store: true,
        metrics_listen: None,
        leave_after: None,
    }
}

/// Where a listener on every address can be reached.
fn connectable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}
