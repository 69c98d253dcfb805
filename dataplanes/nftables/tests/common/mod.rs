//! Network namespaces, and a node with a dataplane in one of them.
#![expect(dead_code, reason = "each test file uses a part")]

pub(crate) mod world;

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sched::{CloneFlags, setns};
use portolan_dataplane::{Applied, Dataplane, Environment, NodeState, plan};
use portolan_nftables::{NftablesDataplane, Options};
use tokio::runtime::Runtime;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A network namespace with loopback up. Removed when dropped.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    /// Needs root, and never skips.
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("portolan-nft-{}-{number}", std::process::id());
        run("ip", &["netns", "add", &name]);
        let namespace = Self { name };
        namespace.ip("link set lo up");
        // Else link-local addresses can't be used for a second after their link came up.
        for which in ["all", "default"] {
            let knob = format!("net.ipv6.conf.{which}.accept_dad=0");
            namespace.run(&["sysctl", "-qw", &knob]);
        }
        namespace
    }

    /// Runs `ip` inside; words are separated by blanks.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let words: Vec<_> = arguments.split(' ').collect();
        run("ip", &[&["-n", &self.name], &words[..]].concat())
    }

    /// Runs a program inside.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        run("ip", &[&["netns", "exec", &self.name], arguments].concat())
    }

    /// Loads a script of `nft` inside.
    pub(crate) fn nft(&self, script: &str) -> String {
        self.run(&["nft", script])
    }

    /// Runs code on a thread that ends inside: sockets that it opens belong there.
    pub(crate) fn enter<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.name);
        thread::scope(|scope| {
            let entered = scope.spawn(move || {
                let file = std::fs::File::open(path).expect("the namespace exists");
                setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter a network namespace");
                inside()
            });
            entered
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let done = done.unwrap_or_else(|error| panic!("{program} is installed: {error}"));
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{program} {}: {error}",
        arguments.join(" ")
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A namespace with a dataplane.
pub(crate) struct Node {
    pub(crate) namespace: Namespace,
    pub(crate) dataplane: NftablesDataplane,
    runtime: Runtime,
}

impl Node {
    pub(crate) fn new(environment: &Environment) -> Self {
        let namespace = Namespace::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let mut node = Self {
            dataplane: open(&namespace, &runtime, Options::default()),
            namespace,
            runtime,
        };
        node.configure(environment);
        node
    }

    /// As a restarted plugin.
    pub(crate) fn restart(&mut self, environment: &Environment) {
        self.dataplane = open(&self.namespace, &self.runtime, Options::default());
        self.configure(environment);
    }

    pub(crate) fn restart_with(&mut self, options: Options, environment: &Environment) {
        self.dataplane = open(&self.namespace, &self.runtime, options);
        self.configure(environment);
    }

    /// As one whose agent remembers this.
    pub(crate) fn restart_remembering(
        &mut self,
        environment: &Environment,
        remembered: &NodeState,
    ) {
        self.dataplane = open(&self.namespace, &self.runtime, Options::default());
        self.dataplane.recall(remembered.clone());
        self.configure(environment);
    }

    pub(crate) fn configure(&mut self, environment: &Environment) {
        let told = self.runtime.block_on(self.dataplane.configure(environment));
        told.expect("the node can be configured");
    }

    pub(crate) fn observe(&mut self) -> NodeState {
        let observed = self.runtime.block_on(self.dataplane.observe());
        observed.expect("what is programmed can be observed")
    }

    /// Leads to a state as an agent does.
    pub(crate) fn carry(&mut self, desired: &NodeState) -> Applied {
        let observed = self.observe();
        self.carry_from(&observed, desired)
    }

    /// From what was observed earlier.
    pub(crate) fn carry_from(&mut self, observed: &NodeState, desired: &NodeState) -> Applied {
        let plan = plan(desired, observed, &self.dataplane.capabilities());
        assert_eq!(plan.unsupported, []);
        if plan.is_empty() {
            return Applied::default();
        }
        self.runtime.block_on(self.dataplane.apply(&plan))
    }

    /// The same where nothing may go wrong.
    pub(crate) fn carry_all(&mut self, desired: &NodeState) {
        assert_eq!(self.carry(desired).rejected, []);
        assert_eq!(&self.observe(), desired);
    }

    pub(crate) fn cleanup(&mut self) {
        let removed = self.runtime.block_on(self.dataplane.cleanup());
        removed.expect("everything can be removed");
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let counters = self.dataplane.counters();
        let found = counters.iter().find(|(counter, _)| *counter == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// The number of the kernel's last transaction in the namespace.
    pub(crate) fn generation(&self) -> u32 {
        let mut runtime_socket = self.namespace.enter(|| {
            let _inside = self.runtime.enter();
            portolan_netlink::Socket::open().expect("a socket")
        });
        let generation = portolan_netlink::nftables::generation(&mut runtime_socket);
        self.runtime
            .block_on(generation)
            .expect("the kernel has a generation")
    }
}

fn open(namespace: &Namespace, runtime: &Runtime, options: Options) -> NftablesDataplane {
    namespace.enter(|| {
        let _inside = runtime.enter();
        NftablesDataplane::new(options).expect("root may program nftables")
    })
}

pub(crate) fn environment(workloads: &[&str], services: &[&str], own: &[&str]) -> Environment {
    let nets = |texts: &[&str]| texts.iter().map(|t| t.parse().expect("a range")).collect();
    Environment {
        own: own.iter().map(|t| t.parse().expect("an address")).collect(),
        workload_ranges: nets(workloads),
        service_cidrs: nets(services),
    }
}
