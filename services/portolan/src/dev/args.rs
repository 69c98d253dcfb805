//! Flags of `portolan dev`, and where its data lives.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::serve::{ClusterFlags, Ports};

/// Run control plane and one node in this process, without root, on an embedded store
#[derive(Args)]
pub(crate) struct Dev {
    /// Also start three small backends behind a Service, and show how they share the traffic
    #[arg(long)]
    pub(super) demo: bool,
    /// Directory of all data [default: portolan/dev in the user's state directory]
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
        state.or_else(home).map(|state| state.join("portolan/dev")).ok_or_else(|| {
            Failure::Usage("neither XDG_STATE_HOME nor HOME is set; say where data shall live with --data-dir".to_owned())
        })
    }

    /// An address that is easy to remember, for the demo in the default range.
    pub(super) fn demo_address(&self) -> Option<&'static str> {
        self.cluster
            .service_cidr
            .is_empty()
            .then_some("127.96.0.10")
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
        ClusterFlags {
            service_cidr: or(&self.cluster.service_cidr, &["127.96.0.0/16"]),
            endpoint_range: or(&self.cluster.endpoint_range, &["0.0.0.0/0", "::/0"]),
            ..self.cluster.clone()
        }
    }
}
