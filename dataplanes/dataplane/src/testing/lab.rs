//! A dataplane under test, with addresses to use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use portolan_model::view::{Reach, WhenEmpty};
use portolan_model::{Name, Protocol, Uid};

use crate::{
    Applied, Backend, Capabilities, Dataplane, Environment, Frontend, FrontendKey, NodeState, Plan,
    Pool, ServiceRef, carried, plan,
};

/// Port of the kit's frontends: each has an address of its own.
pub(super) const PORT: u16 = 8080;

/// Drives a dataplane as an agent does: observe, plan, apply.
pub struct Lab<D> {
    pub(super) dataplane: D,
}

impl<D: Dataplane> Lab<D> {
    /// A dataplane that runs on a node with loopback addresses only.
    pub async fn new(mut dataplane: D) -> Self {
        let environment = Environment {
            own: vec![Ipv4Addr::LOCALHOST.into()],
            ..Environment::default()
        };
        dataplane
            .configure(&environment)
            .await
            .expect("the dataplane can be configured");
        Self { dataplane }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.dataplane.capabilities()
    }

    /// The transports that the kit has clients and servers for.
    pub(super) fn protocols(&self) -> Vec<Protocol> {
        let known = [Protocol::Tcp, Protocol::Udp];
        let declared = self.capabilities().protocols;
        known.into_iter().filter(|p| declared.contains(p)).collect()
    }

    pub(super) async fn observe(&mut self) -> NodeState {
        let observed = self.dataplane.observe().await;
        observed.expect("what is programmed can be observed")
    }

    /// Leads to a state as far as the dataplane can go.
    pub(super) async fn carry(&mut self, desired: &NodeState) -> (Plan, Applied) {
        let plan = plan(desired, &self.observe().await, &self.capabilities());
        let applied = self.dataplane.apply(&plan).await;
        (plan, applied)
    }

    /// The same where nothing may go wrong; then observed is desired, and nothing is left to do.
    pub(super) async fn carry_all(&mut self, desired: &NodeState) {
        let (wanted, applied) = self.carry(desired).await;
        assert_eq!(wanted.unsupported, [], "all of it is declared");
        assert_eq!(applied.rejected, [], "all of it can be done");
        let observed = self.observe().await;
        let capabilities = self.capabilities();
        let carried = desired.iter().map(|(k, f)| (*k, carried(f, &capabilities)));
        assert_eq!(observed, carried.collect(), "observed is desired");
        assert!(plan(desired, &observed, &capabilities).is_empty());
    }
}

/// An address that no other case and hardly another process uses.
pub(super) fn address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(last > 0 && last < 255, "the kit has addresses left");
    let [_, _, second, third] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + second % 64, third, last).into()
}

/// A frontend's key at an address of its own.
pub(super) fn key(protocol: Protocol) -> FrontendKey {
    FrontendKey {
        address: address(),
        port: PORT,
        protocol,
    }
}

fn uid(number: u8) -> Uid {
    Uid::from_random(u128::from(number) << 120)
}

/// Endpoint number 1, 2, … of weight 1; the order of the numbers is that of the uids.
pub fn backend(number: u8, address: SocketAddr) -> Backend {
    Backend::new(uid(number), address, 1)
}

/// Where a frontend is.
///
/// # Panics
/// If that is no address.
pub fn frontend_key(address: &str, port: u16, protocol: Protocol) -> FrontendKey {
    FrontendKey {
        address: address.parse().expect("an address"),
        port,
        protocol,
    }
}

/// The same for TCP.
///
/// # Panics
/// If that is no address.
pub fn tcp(address: &str, port: u16) -> FrontendKey {
    frontend_key(address, port, Protocol::Tcp)
}

/// Frontends as a node carries them.
pub fn node_state(frontends: impl IntoIterator<Item = (FrontendKey, Frontend)>) -> NodeState {
    let frontends = frontends.into_iter();
    frontends
        .map(|(key, frontend)| (key, Arc::new(frontend)))
        .collect()
}

/// Rejects while it is empty.
pub fn pool(backends: &[Backend]) -> Pool {
    Pool {
        backends: backends.to_vec(),
        when_empty: WhenEmpty::Reject,
    }
}

/// A plain frontend of default/service-1, default/service-2, ….
pub fn frontend(service: u8, backends: &[Backend]) -> Frontend {
    Frontend {
        service: ServiceRef {
            uid: uid(service),
            namespace: Name::trusted("default"),
            name: Name::trusted(format!("service-{service}")),
            port: "main".to_owned(),
        },
        reach: Reach::Internal,
        pool: pool(backends),
        inside: None,
        affinity_seconds: 0,
        source_ranges: Vec::new(),
    }
}
