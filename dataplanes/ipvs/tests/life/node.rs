//! A node with the dataplane, on a machine of its own, and what `ipvsadm` sees there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_dataplane::testing::{backend, frontend};
use portolan_dataplane::{Applied, Dataplane, Environment, Frontend, NodeState, Plan, plan};
use portolan_ipvs::{IpvsDataplane, Options};
use portolan_lab::Namespace;
use tokio::sync::Mutex;

/// For what happens by itself.
const DEADLINE: Duration = Duration::from_secs(60);

/// With the address 192.0.2.1, and a way to everywhere.
pub(crate) struct Node {
    pub(crate) machine: Namespace,
    plane: Arc<Mutex<IpvsDataplane>>,
    options: Options,
}

impl Node {
    pub(crate) fn new(options: Options) -> Self {
        let machine = Namespace::new("node");
        machine.ip(
            "link add d0 type dummy\naddr add 192.0.2.1/24 dev d0\naddr add fd02::1/64 dev d0 nodad\nlink set d0 up\n\
             route add default via 192.0.2.254\nroute add default via fd02::254\n",
        );
        let mut node = Self {
            plane: open(&machine, &options),
            machine,
            options,
        };
        node.configure();
        node
    }

    /// As a restarted plugin.
    pub(crate) fn restart(&mut self) {
        self.plane = open(&self.machine, &self.options);
        self.configure();
    }

    fn configure(&mut self) {
        let nets = |texts: &[&str]| texts.iter().map(|t| t.parse().expect("a range")).collect();
        let environment = Environment {
            own: vec!["192.0.2.1".parse().expect("an address")],
            workload_ranges: nets(&["10.1.0.0/16", "fd01::/16"]),
            service_cidrs: nets(&["10.96.0.0/16", "fd96::/112"]),
        };
        let plane = Arc::clone(&self.plane);
        self.machine.run(async move {
            let configured = plane.lock().await.configure(&environment).await;
            configured.expect("the node can be configured");
        });
    }

    pub(crate) fn observe(&mut self) -> NodeState {
        let plane = Arc::clone(&self.plane);
        self.machine.run(async move {
            let observed = plane.lock().await.observe().await;
            observed.expect("it can be observed")
        })
    }

    /// Leads to a state as an agent does.
    pub(crate) fn carry(&mut self, desired: &NodeState) -> Applied {
        let (plane, desired) = (Arc::clone(&self.plane), desired.clone());
        self.machine.run(async move {
            let mut plane = plane.lock().await;
            let observed = plane.observe().await.expect("it can be observed");
            let plan = plan(&desired, &observed, &plane.capabilities());
            assert_eq!(plan.unsupported, []);
            if plan.is_empty() {
                return Applied::default();
            }
            plane.apply(&plan).await
        })
    }

    /// Carries out a plan and nothing else: no look at what is there before it or after.
    pub(crate) fn apply(&mut self, plan: Plan) {
        let plane = Arc::clone(&self.plane);
        let applied = self
            .machine
            .run(async move { plane.lock().await.apply(&plan).await });
        assert_eq!(applied.rejected, []);
    }

    /// The same where nothing may go wrong.
    pub(crate) fn carry_all(&mut self, desired: &NodeState) {
        assert_eq!(self.carry(desired).rejected, []);
        assert_eq!(&self.observe(), desired);
    }

    pub(crate) fn cleanup(&mut self) {
        let plane = Arc::clone(&self.plane);
        self.machine.run(async move {
            let removed = plane.lock().await.cleanup().await;
            removed.expect("everything can be removed");
        });
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let plane = Arc::clone(&self.plane);
        let counters = self
            .machine
            .run(async move { plane.lock().await.counters() });
        let found = counters.iter().find(|(counter, _)| *counter == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// Runs a program there.
    pub(crate) fn run(&self, words: &str) -> String {
        let words: Vec<_> = words.split(' ').collect();
        self.machine.execute(&words, "")
    }

    /// What `ipvsadm` would write to restore what it sees, a line each, in order.
    pub(crate) fn ipvsadm(&self) -> Vec<String> {
        let text = self.run("ipvsadm -S -n");
        let mut lines: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort_unstable();
        lines
    }

    /// How many lines of `ipvsadm` have all of these in them.
    pub(crate) fn count(&self, parts: &[&str]) -> usize {
        let fits = |line: &&String| parts.iter().all(|part| line.contains(part));
        self.ipvsadm().iter().filter(fits).count()
    }

    /// Looks again and again, as the agent's audit does, until `ipvsadm` shows that many such lines.
    pub(crate) fn eventually_counts(&mut self, parts: &[&str], wanted: usize) {
        let began = Instant::now();
        while self.count(parts) != wanted {
            let seen = self.ipvsadm();
            assert!(
                began.elapsed() < DEADLINE,
                "{parts:?} {wanted} times: {seen:#?}"
            );
            std::thread::sleep(Duration::from_millis(200));
            self.observe();
        }
    }
}

fn open(machine: &Namespace, options: &Options) -> Arc<Mutex<IpvsDataplane>> {
    let options = options.clone();
    machine.run(async move {
        let plane = IpvsDataplane::new(options).expect("root may program IPVS");
        Arc::new(Mutex::new(plane))
    })
}

/// Of the Service default/service-N, with backends 10.1.0.LAST:8080 or fd01::LAST, in order.
pub(crate) fn with(service: u8, lasts: &[u8], six: bool) -> Frontend {
    let at = |last: &u8| {
        let text = if six {
            format!("[fd01::{last}]:8080")
        } else {
            format!("10.1.0.{last}:8080")
        };
        backend(*last, text.parse().expect("an address"))
    };
    frontend(service, &lasts.iter().map(at).collect::<Vec<_>>())
}
