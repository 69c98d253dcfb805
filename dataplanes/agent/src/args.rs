//! The command line that all plugins share.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portolan_model::Name;
use portolan_subscriber::Description;

use crate::node_ports::{NodePortAddress, of_interfaces, select};
use crate::{AgentConfig, ArgsError, address};

/// Options of every plugin; flatten them into the plugin's own. The variables are those that `portolan-conformance` sets.
#[derive(Args, Clone, Debug)]
pub struct AgentArgs {
    /// Server to follow
    #[arg(
        long,
        env = "PORTOLAN_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:7420"
    )]
    pub server: String,
    /// Cluster that this node belongs to
    #[arg(
        long,
        env = "PORTOLAN_CLUSTER",
        value_name = "NAME",
        default_value = "default"
    )]
    pub cluster: String,
    /// Name of this node [default: the host name]
    #[arg(long, env = "PORTOLAN_NODE", value_name = "NAME")]
    pub node: Option<String>,
    /// Address of this node, the primary one first; may be repeated [default: that of the default route]
    #[arg(
        long = "address",
        env = "PORTOLAN_ADDRESSES",
        value_name = "IP",
        value_delimiter = ','
    )]
    pub addresses: Vec<IpAddr>,
    /// Address that node ports answer on, or a range that selects those that this node has when the plugin starts; may be
    /// repeated [default: the primary address of each family]
    #[arg(
        long = "node-port-address",
        value_name = "IP|CIDR",
        value_delimiter = ','
    )]
    pub node_port_addresses: Vec<NodePortAddress>,
    /// Zone of this node
    #[arg(long, env = "PORTOLAN_ZONE", value_name = "NAME", default_value = "")]
    pub zone: String,
    /// Where the last known good state is kept [default: /var/lib/portolan/DATAPLANE for root, else below
    /// `$XDG_STATE_HOME/portolan`]
    #[arg(long, env = "PORTOLAN_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Take over the state of another store than the one followed so far
    #[arg(long)]
    pub accept_store: bool,
    /// Serve /metrics, /healthz, /livez and /mode here
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// When stopped, leave this node to another dataplane that carries everything already: take no new connections, give
    /// established ones this long, then remove all that is ours
    #[arg(long, value_name = "SECONDS")]
    pub leave_after: Option<u64>,
}

impl AgentArgs {
    /// Fills in what was left out; `kind` is that of the dataplane.
    pub fn config(self, kind: &str) -> Result<AgentConfig, ArgsError> {
        let node = match self.node {
            Some(node) => node,
            None => host_name().ok_or(ArgsError::Node)?,
        };
        let state_dir = match self.state_dir {
            Some(dir) => dir,
            None => default_state_dir(kind, &node)?,
        };
        let addresses = if self.addresses.is_empty() {
            address::primary()
        } else {
            self.addresses
        };
        let own: Vec<_> = addresses.iter().copied().chain(of_interfaces()).collect();
        let node_port_addresses = select(&self.node_port_addresses, &own)?;
        Ok(AgentConfig {
            server: self.server,
            cluster: self.cluster,
            node,
            description: Description {
                addresses,
                zone: self.zone,
                node_port_addresses,
                dataplane: kind.to_owned(),
                capabilities: None,
            },
            state_dir,
            accept_store: self.accept_store,
            metrics_listen: self.metrics_listen,
            leave_after: self.leave_after.map(Duration::from_secs),
        })
    }

    /// The same for a dataplane in the kernel: there nothing gets from loopback to another machine, unless
    /// `route_localnet` lets neighbours reach what listens on localhost.
    pub fn config_in_kernel(self, kind: &str) -> Result<AgentConfig, ArgsError> {
        let config = self.config(kind)?;
        let mut addresses = config.description.node_port_addresses.iter();
        match addresses.find(|address| address.is_loopback()) {
            None => Ok(config),
            Some(address) => Err(ArgsError::LoopbackNodePort { address: *address }),
        }
    }
}

fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let name = name.to_lowercase();
    Name::subdomain(&name).ok().map(|_| name)
}

fn default_state_dir(kind: &str, node: &str) -> Result<PathBuf, ArgsError> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/portolan").join(kind));
    }
    let absolute = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
        .ok_or(ArgsError::StateDir)?;
    Ok(state.join("portolan").join(format!("{kind}-{node}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        agent: AgentArgs,
    }

    fn parse(words: &[&str]) -> AgentConfig {
        let words = std::iter::once("plugin").chain(words.iter().copied());
        Command::parse_from(words).agent.config("fake").unwrap()
    }

    #[test]
    fn what_is_given_is_taken() {
        let config = parse(&[
            "--server=http://server:1",
            "--node=n1",
            "--address=192.0.2.1",
            "--address=2001:db8::1",
            "--node-port-address=127.0.0.1",
            "--state-dir=/tmp/state",
            "--accept-store",
            "--metrics-listen=127.0.0.1:9100",
        ]);
        assert_eq!(config.server, "http://server:1");
        assert_eq!(config.node, "n1");
        assert_eq!(config.description.addresses.len(), 2);
        assert_eq!(config.description.node_port_addresses.len(), 1);
        assert_eq!(config.description.dataplane, "fake");
        assert_eq!(config.state_dir, PathBuf::from("/tmp/state"));
        assert!(config.accept_store && config.metrics_listen.is_some());
    }

    #[test]
    fn node_ports_answer_on_loopback_only_outside_the_kernel() {
        for (given, loopback) in [
            ("127.0.0.0/8", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("192.0.2.0/24,127.0.0.0/8", true),
            ("192.0.2.0/24", false),
            ("0.0.0.0/0", false),
        ] {
            let option = format!("--node-port-address={given}");
            let words = ["plugin", "--node=n1", "--address=192.0.2.1", &option];
            let parse = || Command::parse_from(words).agent;
            let selected = parse().config("fake").unwrap().description;
            let selected = selected.node_port_addresses;
            assert_eq!(
                selected.iter().any(IpAddr::is_loopback),
                loopback,
                "{given}"
            );
            let in_kernel = parse().config_in_kernel("fake");
            assert_eq!(in_kernel.is_err(), loopback, "{given}");
        }
    }

    #[test]
    fn what_is_left_out_is_found() {
        let config = parse(&["--node=n1"]);
        assert_eq!(config.cluster, "default");
        assert!(!config.description.addresses.is_empty());
        assert!(
            config.state_dir.ends_with("portolan/fake")
                || config.state_dir.ends_with("portolan/fake-n1")
        );
        assert!(!config.accept_store && config.metrics_listen.is_none());
    }
}
