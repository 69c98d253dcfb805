//! A server, a node and backends behind a Service: the smallest whole system.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::api::{Services, block_on, virtual_ip};
use crate::{Backend, Plugin, Server, Store, eventually, get, holds};

/// Of the Service and of its backends.
const PORT: u16 = 8080;

/// Tells the fleets of this process apart, which share the loopback addresses of this machine.
static FLEETS: AtomicU8 = AtomicU8::new(1);

/// A server, a node, and backends behind a Service.
pub struct Fleet {
    /// The control plane.
    pub server: Server<'static>,
    /// The node, `n1`.
    pub plugin: Plugin<'static>,
    /// `web-1` and so on.
    pub backends: Vec<Backend>,
    /// Where the Service `web` is.
    pub frontend: SocketAddr,
}

impl Fleet {
    /// Starts it, and waits until every backend answers.
    pub fn start(store: &Store, backends: u8) -> Self {
        let number = FLEETS.fetch_add(1, Ordering::Relaxed);
        let range = format!("127.{}.0.0/16", 100 + number);
        let ranges = ["--service-cidr", &range, "--endpoint-range", "0.0.0.0/0"];
        let server = Server::start(None, store, &ranges);
        let address = |i| Ipv4Addr::new(127, 0, 98, 10 * number + i);
        let plugin = Plugin::start(None, &server.url(), "n1", &address(0).to_string());
        let mut manifests = SERVICE.to_owned();
        let mut running = Vec::new();
        for i in 1..=backends {
            let name = format!("web-{i}");
            let at = SocketAddr::from((address(i), PORT));
            running.push(Backend::start(None, &name, at));
            manifests.push_str(&workload(&name, at.ip(), false));
        }
        server.succeed(&["apply", "-f", "-"], &manifests);
        let mut services = Services::at(&server.url());
        let web = block_on(services.get("web")).expect("it was just applied");
        let fleet = Self {
            frontend: (virtual_ip(&web), PORT).into(),
            server,
            plugin,
            backends: running,
        };
        eventually("every backend answers", || {
            fleet.answered_by(&fleet.names())
        });
        fleet
    }

    /// The names of all backends.
    pub fn names(&self) -> Vec<String> {
        (1..=self.backends.len())
            .map(|i| format!("web-{i}"))
            .collect()
    }

    /// Whether fifty connections in a row reach exactly these: by chance alone hardly ever.
    pub fn answered_by(&self, names: &[String]) -> Result<(), String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..50 {
            let answer = get(self.frontend, "/").map_err(|error| error.to_string())?;
            let name = answer.split(' ').next().unwrap_or_default();
            *seen.entry(name.to_owned()).or_default() += 1;
        }
        holds(seen.keys().eq(names), format!("{seen:?}"))
    }

    /// A metric of the plugin.
    pub fn plugin_metric(&self, name: &str) -> f64 {
        let name = format!("portolan_agent_{name}");
        eventually(&name, || self.plugin.metric(&name).ok_or("it is not there"))
    }

    /// A metric of the server's distributor.
    pub fn server_metric(&self, name: &str) -> f64 {
        let name = format!("portolan_distributor_{name}");
        eventually(&name, || self.server.metric(&name).ok_or("it is not there"))
    }

    /// Waits until the node has a stream and remembers all that it was sent.
    pub fn in_step(&self) {
        eventually("the node is in step", || {
            let of = |name| self.plugin_metric(name);
            let (connected, head) = (of("connected"), of("head_revision"));
            let durable = of("durable_revision");
            #[expect(clippy::float_cmp, reason = "whole numbers")]
            let done = connected == 1.0 && durable == head && head > 0.0;
            holds(done, format!("connected {connected}, {durable} of {head}"))
        });
    }

    /// Waits until the node has gone on where it was that many times.
    pub fn in_step_again(&self, times: u8) {
        eventually("the node has resumed", || {
            let resumes = self.plugin_metric("resumes_total");
            holds(resumes >= f64::from(times), format!("{resumes} resumes"))
        });
    }
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 8080}]
";

/// Manifest of a backend.
pub fn workload(name: &str, address: IpAddr, draining: bool) -> String {
    format!(
        "---
apiVersion: portolan/v1
kind: Workload
metadata: {{name: {name}, labels: {{app: web}}}}
spec:
  addresses: [{address}]
  node: n1
  draining: {draining}
  readinessProbe:
    httpGet: {{path: /healthz, port: 8080}}
    periodSeconds: 1
"
    )
}
