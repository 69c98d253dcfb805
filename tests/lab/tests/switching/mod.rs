//! A switch from one dataplane to another under traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portolan_dataplane::Dataplane;
use portolan_lab::Target::{ClusterIp, LoadBalancer, NodePort};
use portolan_lab::{Ask, Conversation, Lab, Load, Namespace, Service, Target, ready};
use portolan_model::Protocol;
use tokio::task::JoinHandle;

const FLOWS: [(&str, Target); 4] = [
    ("b", ClusterIp),
    ("n1", ClusterIp),
    ("client", NodePort("n1")),
    ("client", LoadBalancer),
];

/// Ports that the kernel masquerades no client to: one whose own port is 1024 or above gets such a port again.
const NEVER_MASQUERADED: &str = "100 1023";
/// Where the kernel takes ports from unless it is told otherwise.
const USUAL: &str = "32768 60999";

/// A connection that is in use all the time. Idle ones are not shown here, as one can be reset on the way from userspace to
/// nftables: the kernel tracks a connection only from the first packet that it sees after nftables began to translate, and
/// if a masqueraded client has the port towards the same backend by then, that packet leaves from another one.
struct Talk {
    stop: Arc<AtomicBool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Talk {
    fn start(machine: &Namespace, ask: Ask) -> Self {
        let mut conversation =
            machine.run(async move { Conversation::open(ask).await.expect("served") });
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let task = machine.spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                conversation.echo(b"still there?").await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let end = format!("end of {}", conversation.with.by);
            assert_eq!(conversation.finish().await?, end);
            Ok(())
        });
        Self { stop, task }
    }

    fn finish(self, machine: &Namespace) -> std::io::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        machine.join(self.task)
    }
}

/// What is established before a switch is answered to its end, and every new connection is served. Nobody repeats a
/// datagram that was under way at a switch, so UDP clients are asked after each step.
pub(crate) fn switch<Old: Dataplane, New: Dataplane>(
    mut lab: Lab<Old>,
    make: impl Fn() -> New + Send + Sync + 'static,
) -> Lab<New> {
    let former = lab.can().kind;
    let web = Service::external(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    let mut established = Vec::new();
    let mut loads = Vec::new();
    for (from, target) in FLOWS {
        let machine = &lab.network.host(from).machine;
        let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
        established.push((from, target, Talk::start(machine, ask)));
        loads.push((from, target, Load::start(machine, ask)));
    }
    let go_on = |loads: &[(&str, Target, Load)]| {
        for (_, _, load) in loads {
            load.go_on(10);
        }
    };
    go_on(&loads);
    let (mut lab, old) = lab.succeed(make);
    lab.carry(std::slice::from_ref(&web));
    go_on(&loads);
    old.drain();
    go_on(&loads);
    // The new one's alone: the old one's end is none of its business, whatever was local by its doing.
    let n1 = &lab.network.host("n1").machine;
    // While nftables translates, a connection of the node's own to a backend leaves from another port if a masqueraded client
    // has its port there, and is lost when nftables is removed. So this one gets a port that no client has.
    n1.sysctl("ipv4/ip_unprivileged_port_start", "0");
    n1.sysctl("ipv4/ip_local_port_range", NEVER_MASQUERADED);
    let new = Talk::start(n1, Ask::new(lab.at(&web, ClusterIp), Protocol::Tcp));
    n1.sysctl("ipv4/ip_local_port_range", USUAL);
    assert_udp(&lab, &web);
    for (from, target, talk) in established {
        let ended = talk.finish(&lab.network.host(from).machine);
        ended.unwrap_or_else(|error| panic!("after {former}: {from} to {target:?}: {error}"));
    }
    old.cleanup();
    go_on(&loads);
    let ended = new.finish(&lab.network.host("n1").machine);
    ended.unwrap_or_else(|error| panic!("opened beside {former}: {error}"));
    assert_udp(&lab, &web);
    for (from, target, load) in loads {
        let failures = load.stop(&lab.network.host(from).machine);
        assert_eq!(failures, [], "{from} to {target:?}");
    }
    lab
}

fn assert_udp<D: Dataplane>(lab: &Lab<D>, web: &Service) {
    for (from, target) in FLOWS {
        lab.assert_reaches(from, lab.at(web, target), Protocol::Udp, &["a", "c"]);
    }
}
