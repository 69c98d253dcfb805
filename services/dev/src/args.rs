//! Flags of `portolan dev`, and where its data lives.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::sandbox::WORKLOADS;
use portolan_server::{ClusterFlags, Ports, ServerError};

/// Virtual addresses of dataplanes in the kernel.
const KERNEL_RANGES: [&str; 2] = ["10.96.0.0/16", "fd96::/112"];

/// How the node forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// By sockets: needs no privilege.
    Userspace,
    /// In the kernel, within network namespaces of its own: needs root.
    Nftables,
    /// The same, balanced by IPVS: needs root, and a kernel that has it.
    Ipvs,
}

/// Run control plane and one node in this process, on an embedded store; without root unless the dataplane needs it
#[derive(Args)]
pub struct Dev {
    /// How the node forwards; anything but userspace runs in network namespaces of its own and leaves the host alone,
    /// unless --host-network asks for something else
    #[arg(long, value_enum, default_value = "userspace")]
    pub(super) dataplane: Kind,
    /// Program this machine's own kernel instead of network namespaces: what is touched is printed, and removed at the end
    #[arg(long)]
    pub(super) host_network: bool,
    /// Also start three small backends behind a Service, and show how they share the traffic
    #[arg(long)]
    pub(super) demo: bool,
    /// Directory of all data [default: portolan/dev, portolan/dev-nftables or portolan/dev-ipvs, with -host behind it for
    /// --host-network, in the user's state directory]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Forget all data of the data directory first
    #[arg(long)]
    pub(super) reset: bool,
    #[command(flatten)]
    pub(super) ports: Ports,
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
}

impl Dev {
    /// Refuses flags that contradict each other.
    pub(super) fn check(&self) -> Result<(), ServerError> {
        if self.host_network && self.dataplane == Kind::Userspace {
            let why = "--host-network is for dataplanes in the kernel; userspace has its sockets on this machine anyway";
            return Err(ServerError::Usage(why.to_owned()));
        }
        Ok(())
    }

    /// The data directory: asked for, or below the user's state directory (XDG Base Directory Specification).
    pub(super) fn data_dir(&self) -> Result<PathBuf, ServerError> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        let state = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        state.or_else(home).map(|state| state.join(self.data_name())).ok_or_else(|| {
            ServerError::Usage("neither XDG_STATE_HOME nor HOME is set; say where data shall live with --data-dir".to_owned())
        })
    }

    /// Each dataplane has ranges of its own and each place addresses of its own, so each has data of its own.
    fn data_name(&self) -> &'static str {
        match (self.dataplane, self.host_network) {
            (Kind::Userspace, _) => "portolan/dev",
            (Kind::Nftables, false) => "portolan/dev-nftables",
            (Kind::Nftables, true) => "portolan/dev-nftables-host",
            (Kind::Ipvs, false) => "portolan/dev-ipvs",
            (Kind::Ipvs, true) => "portolan/dev-ipvs-host",
        }
    }

    /// Addresses that are easy to remember, for the demo in the default ranges.
    pub(super) fn demo_addresses(&self) -> &'static [&'static str] {
        match self.dataplane {
            _ if !self.cluster.service_cidr.is_empty() => &[],
            Kind::Userspace => &["127.96.0.10"],
            // The host's loopback has one IPv6 address only, and the demo three backends.
            Kind::Nftables | Kind::Ipvs if self.host_network => &["10.96.0.10"],
            Kind::Nftables | Kind::Ipvs => &["10.96.0.10", "fd96::a"],
        }
    }

    /// The cluster's flags, with what suits a single machine where they say nothing: all of 127/8 is local on Linux, so
    /// virtual addresses need no privilege; and backends may live on loopback, too.
    pub(super) fn cluster_flags(&self) -> ClusterFlags {
        let or = |given: &Vec<String>, default: &[&str]| {
            if given.is_empty() {
                default.iter().map(|text| (*text).to_owned()).collect()
            } else {
                given.clone()
            }
        };
        let (ranges, workloads): (&[&str], &[&str]) = match self.dataplane {
            Kind::Userspace => (&["127.96.0.0/16"], &[]),
            Kind::Nftables | Kind::Ipvs if self.host_network => (&KERNEL_RANGES, &[]),
            Kind::Nftables | Kind::Ipvs => (&KERNEL_RANGES, &WORKLOADS),
        };
        ClusterFlags {
            service_cidr: or(&self.cluster.service_cidr, ranges),
            workload_range: or(&self.cluster.workload_range, workloads),
            endpoint_range: or(&self.cluster.endpoint_range, &["0.0.0.0/0", "::/0"]),
            ..self.cluster.clone()
        }
    }
}
