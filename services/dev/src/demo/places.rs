//! Where the demo's backends and clients are.

use std::net::{IpAddr, Ipv4Addr};

use tokio::runtime::Handle;

use super::BACKENDS;
use crate::machine::Machine;
use crate::sandbox::Sandbox;

/// Where backends and clients are.
pub(crate) struct Places {
    pub(super) backends: Handle,
    pub(super) clients: Handle,
    /// Addresses of their own, so that nothing else on the machine is in the way; of one family or of both.
    pub(super) addresses: [Vec<IpAddr>; BACKENDS],
    /// What stands before commands that belong to where backends are, and to where clients are.
    pub(super) prefixes: [String; 2],
}

impl Places {
    /// Places on this machine's loopback.
    pub(crate) fn here() -> Self {
        Self {
            backends: Handle::current(),
            clients: Handle::current(),
            addresses: [1, 2, 3].map(|n| vec![Ipv4Addr::new(127, 0, 97, n).into()]),
            prefixes: [String::new(), String::new()],
        }
    }

    /// Places on machines of their own.
    pub(crate) fn within(sandbox: &Sandbox) -> Self {
        let enter = |machine: &Machine| format!("nsenter --net={} ", machine.path());
        Self {
            backends: sandbox.workloads.runtime().clone(),
            clients: sandbox.client.runtime().clone(),
            addresses: sandbox.backends.clone(),
            prefixes: [enter(&sandbox.workloads), enter(&sandbox.client)],
        }
    }

    /// Whether Services can have an address of each family.
    pub(super) fn has_both_families(&self) -> bool {
        self.addresses[0].len() > 1
    }
}
