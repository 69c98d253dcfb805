//! A plugin under test on every node, in step with what a case wants.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portolan_dataplane::{Capabilities, NodeState};
use portolan_model::view::{View, ViewKey, project};
use portolan_model::{
    Cluster, ClusterSpec, Family, Labels, Name, Node, NodeSpec, Object, PortRange, Protocol,
    Revision, ServiceCidr, State, Uid,
};
use tokio::sync::Mutex;

use crate::network::WORKLOAD_RANGES;
use crate::service::{PROTOCOLS, meta};
use crate::{Ask, Carried, Namespace, Network, Outcome, Plugin, Service, Target, Topology};

/// Ranges of virtual addresses.
pub const SERVICE_CIDRS: [&str; 2] = ["10.96.0.0/16", "fd00:96::/112"];
/// Ranges of load balancers' addresses.
pub const LOAD_BALANCER_RANGES: [&str; 2] = ["203.0.113.0/24", "2001:db8:cafe::/64"];

/// How a plugin is made; called on the thread of its node.
pub type Make<D> = Arc<dyn Fn() -> D + Send + Sync>;

/// What a lab tells its nodes beside Services.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sources that count as inside, beside the nodes themselves.
    pub workload_ranges: Vec<IpNet>,
    /// Node ports answer at the nodes' second addresses, too.
    pub second_addresses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workload_ranges: nets(&WORKLOAD_RANGES),
            second_addresses: false,
        }
    }
}

/// A running plugin; dropped in this order.
struct Running<D> {
    plugin: Arc<Mutex<D>>,
    process: Namespace,
}

/// A network whose nodes all run a plugin. Cases are about one family, all else is there in both.
pub struct Lab<D> {
    /// Its machines.
    pub network: Network,
    /// What the case is about.
    pub family: Family,
    /// What nodes are told beside Services.
    pub settings: Settings,
    topology: Topology,
    planes: BTreeMap<&'static str, Running<D>>,
    make: Make<D>,
    capabilities: Capabilities,
}

impl<D: Plugin> Lab<D> {
    /// With the usual topology.
    pub fn new(family: Family, make: impl Fn() -> D + Send + Sync + 'static) -> Self {
        let topology = Topology::default();
        let network = Network::new(topology);
        // A node that is the next hop must not tell that there is a shorter way.
        for ranges in [SERVICE_CIDRS, LOAD_BALANCER_RANGES] {
            for range in ranges {
                network.route(range, topology.nodes[0].0);
            }
        }
        let make: Make<D> = Arc::new(make);
        let capabilities = capabilities(&network, topology, &make);
        let mut lab = Self {
            network,
            family,
            settings: Settings::default(),
            topology,
            planes: BTreeMap::new(),
            capabilities,
            make,
        };
        for (name, _) in topology.nodes {
            lab.start(name);
        }
        lab.carry(&[]);
        lab
    }

    /// What the dataplane declares.
    pub fn can(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Transports to try.
    pub fn protocols(&self) -> Vec<Protocol> {
        let declared = &self.capabilities.protocols;
        PROTOCOLS
            .into_iter()
            .filter(|p| declared.contains(p))
            .collect()
    }

    /// The nodes' names.
    pub fn nodes(&self) -> impl Iterator<Item = &'static str> {
        self.topology.nodes.iter().map(|(name, _)| *name)
    }

    /// Starts a node's dataplane, as a restarted plugin does if there was one.
    pub fn start(&mut self, node: &'static str) {
        let process = self.network.node(node).machine.process("plugin");
        let make = Arc::clone(&self.make);
        let plugin = process.run(async move { Arc::new(Mutex::new(make())) });
        self.planes.insert(node, Running { plugin, process });
    }

    /// Ends a node's dataplane with everything that it runs, as killing the plugin does.
    pub fn kill(&mut self, node: &str) {
        let plugin = self.planes.remove(node).expect("the plugin runs");
        drop(plugin);
    }

    /// Starts another plugin on every node, beside the one that is there.
    pub fn succeed<New: Plugin>(
        self,
        make: impl Fn() -> New + Send + Sync + 'static,
    ) -> (Lab<New>, Predecessor<D>) {
        let make: Make<New> = Arc::new(make);
        let mut lab = Lab {
            capabilities: capabilities(&self.network, self.topology, &make),
            network: self.network,
            family: self.family,
            settings: self.settings,
            topology: self.topology,
            planes: BTreeMap::new(),
            make,
        };
        for (name, _) in lab.topology.nodes {
            lab.start(name);
        }
        (lab, Predecessor(self.planes.into_values().collect()))
    }

    /// Removes what is ours from a node, and nothing else.
    pub fn cleanup(&mut self, node: &str) {
        let (plugin, process) = self.plugin(node);
        process.run(async move { plugin.lock().await.cleanup().await });
    }

    /// For how long a client is still known beyond the timeout of its affinity.
    pub fn affinity_slack(&self) -> Duration {
        let (plugin, process) = self.plugin(self.topology.nodes[0].0);
        process.run(async move { plugin.lock().await.affinity_slack() })
    }

    /// What a node carries.
    pub fn observe(&mut self, node: &str) -> NodeState {
        let (plugin, process) = self.plugin(node);
        process.run(async move { plugin.lock().await.observe().await })
    }

    fn plugin(&self, node: &str) -> (Arc<Mutex<D>>, &Namespace) {
        let running = self.planes.get(node).expect("the plugin runs");
        (Arc::clone(&running.plugin), &running.process)
    }

    /// What the control plane would send for Services as the plugin can carry them.
    pub fn views(&self, services: &[Service]) -> Vec<(ViewKey, View)> {
        let within = |service: &Service| service.within(&self.capabilities, self.family);
        let services: Vec<_> = services.iter().map(within).collect();
        let mut objects = vec![cluster(&self.settings).into(), service_cidr().into()];
        for (n, (name, zone)) in (1..).zip(self.topology.nodes) {
            objects.push(self.node_object(n, name, zone).into());
        }
        for service in &services {
            objects.push(Object::from(service.stored()));
            let endpoints = service.endpoints(&self.network);
            objects.extend(endpoints.into_iter().map(Object::from));
        }
        let mut views = project(&State::from_objects(Revision(1), objects));
        for service in &services {
            for (key, view) in &mut views {
                match view {
                    View::Service(view) if key.uid == service.uid() => {
                        service.add_load_balancer(view);
                    }
                    _ => {}
                }
            }
        }
        views.into_iter().collect()
    }

    fn node_object(&self, n: u128, name: &str, zone: &str) -> Node {
        let addresses = self.network.node(name).addresses.clone();
        let node_port_addresses = if self.settings.second_addresses {
            addresses.clone()
        } else {
            Vec::new()
        };
        let spec = NodeSpec {
            addresses,
            zone: zone.to_owned(),
            node_port_addresses,
            dataplane: self.capabilities.kind.to_owned(),
        };
        Node {
            meta: meta(Name::trusted(name), Uid::from_random(n), Labels::new()),
            spec,
            session: 0,
        }
    }

    /// Makes all nodes carry exactly these Services, and checks that they say so.
    pub fn carry(&mut self, services: &[Service]) {
        for node in self.topology.nodes {
            self.carry_on(node.0, services);
        }
    }

    /// The same for one node; others lag behind.
    pub fn carry_on(&mut self, node: &str, services: &[Service]) {
        let carried = self.carry_what_it_can(node, services);
        assert_eq!(carried.plan.unsupported, [], "all of it is declared");
        assert_eq!(carried.applied.rejected, [], "all of it can be done");
    }

    /// The same where some of it may be beyond the dataplane. The rest must be carried.
    pub fn carry_what_it_can(&mut self, node: &str, services: &[Service]) -> Carried {
        let (name, views) = (Name::trusted(node), self.views(services));
        let (plugin, process) = self.plugin(node);
        process.run(async move { plugin.lock().await.carry(&name, &views).await })
    }

    /// Where a target of a Service is.
    pub fn at(&self, service: &Service, target: Target) -> SocketAddr {
        service.at(target, &self.network, self.family)
    }

    /// A question from a machine, which waits as long as it takes.
    pub fn ask(&self, from: &str, to: SocketAddr, protocol: Protocol) -> Outcome {
        Ask::new(to, protocol).on(&self.network.host(from).machine)
    }

    /// What members see a machine as when nothing replaces its address; that of the relaying node where sources are lost.
    pub fn source(&self, host: &str, relay: &str) -> IpAddr {
        self.address(if self.can().preserves_source {
            host
        } else {
            relay
        })
    }

    /// The primary address of a machine.
    pub fn address(&self, host: &str) -> IpAddr {
        self.network.host(host).address(self.family)
    }
}

fn capabilities<D: Plugin>(network: &Network, topology: Topology, make: &Make<D>) -> Capabilities {
    let first = &network.node(topology.nodes[0].0).machine;
    let make = Arc::clone(make);
    first.run(async move { make().capabilities() })
}

/// The plugins that were there before.
pub struct Predecessor<D>(Vec<Running<D>>);

impl<D: Plugin> Predecessor<D> {
    /// They take no new connections any more.
    pub fn drain(&self) {
        for Running { plugin, process } in &self.0 {
            let plugin = Arc::clone(plugin);
            process.run(async move { plugin.lock().await.drain().await });
        }
    }

    /// They are removed.
    pub fn cleanup(self) {
        for Running { plugin, process } in self.0 {
            process.run(async move { plugin.lock().await.cleanup().await });
        }
    }
}

fn cluster(settings: &Settings) -> Cluster {
    Cluster {
        meta: meta(
            Name::trusted("default"),
            Uid::from_random(101),
            Labels::new(),
        ),
        spec: ClusterSpec {
            node_ports: PortRange {
                first: 30_000,
                last: 32_767,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4, Family::V6],
            endpoint_ranges: Vec::new(),
            workload_ranges: settings.workload_ranges.clone(),
        },
    }
}

fn service_cidr() -> ServiceCidr {
    ServiceCidr {
        meta: meta(
            Name::trusted("default"),
            Uid::from_random(102),
            Labels::new(),
        ),
        cidrs: nets(&SERVICE_CIDRS),
        draining_since: None,
    }
}

/// Ranges from text.
pub fn nets(texts: &[&str]) -> Vec<IpNet> {
    let parse = |text: &&str| text.parse().expect("a range");
    texts.iter().map(parse).collect()
}
