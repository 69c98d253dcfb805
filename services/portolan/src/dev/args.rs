//! Flags of `portolan dev`, and where its data lives.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::sandbox::WORKLOADS;
use crate::failure::Failure;
use crate::serve::{ClusterFlags, Ports};

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
pub(crate) struct Dev {
    /// How the node forwards; anything but userspace runs in network namespaces of its own and leaves the host alone
    #[arg(long, value_enum, default_value = "userspace")]
    pub(super) dataplane: Kind,
    /// Also start three small backends behind a Service, and show how they share the traffic
    #[arg(long)]
    pub(super) demo: bool,
    /// Directory of all data [default: portolan/dev, portolan/dev-nftables or portolan/dev-ipvs, in the user's state
    /// directory]
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
    /// The data directory: asked for, or below the user's state directory (XDG Base Directory Specification).
    pub(super) fn data_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        let state = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        state.or_else(home).map(|state| state.join(self.data_name())).ok_or_else(|| {
            Failure::Usage("neither XDG_STATE_HOME nor HOME is set; say where data shall live with --data-dir".to_owned())
        })
    }

    /// Each dataplane has a range of its own, so each has data of its own.
    fn data_name(&self) -> &'static str {
        match self.dataplane {
            Kind::Userspace => "portolan/dev",
            Kind::Nftables => "portolan/dev-nftables",
            Kind::Ipvs => "portolan/dev-ipvs",
        }
    }

    /// An address that is easy to remember, for the demo in the default range.
    pub(super) fn demo_address(&self) -> Option<&'static str> {
        let address = match self.dataplane {
            Kind::Userspace => "127.96.0.10",
            Kind::Nftables | Kind::Ipvs => "10.96.0.10",
        };
        self.cluster.service_cidr.is_empty().then_some(address)
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
        let (range, workloads): (_, &[&str]) = match self.dataplane {
            Kind::Userspace => ("127.96.0.0/16", &[]),
            Kind::Nftables | Kind::Ipvs => ("10.96.0.0/16", &[WORKLOADS]),
        };
        ClusterFlags {
            service_cidr: or(&self.cluster.service_cidr, &[range]),
            workload_range: or(&self.cluster.workload_range, workloads),
            endpoint_range: or(&self.cluster.endpoint_range, &["0.0.0.0/0", "::/0"]),
            ..self.cluster.clone()
        }
    }
}
