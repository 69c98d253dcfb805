//! Flows that are there already (checklist 4.8).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use portolan_model::{Family, Protocol};

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::stray::Stray;
use crate::{
    Ask, Conversation, Datagrams, Lab, Namespace, Outcome, Plugin, Service, Target, ready, unready,
};

/// A pod at the virtual address, a client at the node port and at the load balancer.
const FLOWS: [(&str, Target); 4] = [
    ("b", ClusterIp),
    ("n1", ClusterIp),
    ("client", NodePort("n1")),
    ("client", LoadBalancer),
];

impl<D: Plugin> Lab<D> {
    fn udp(&self) -> bool {
        self.can().protocols.contains(&Protocol::Udp)
    }

    /// A client with one source port for each of the flows.
    fn datagrams(&self, service: &Service) -> Vec<(&'static str, Datagrams)> {
        let open = |(from, target)| {
            let ask = Ask::new(self.at(service, target), Protocol::Udp);
            let open = async move { ask.datagram().expect("a socket") };
            (from, self.network.host(from).machine.run(open))
        };
        FLOWS.into_iter().map(open).collect()
    }

    /// Each of them is answered by this one in the end.
    fn all_reach(
        &self,
        flows: Vec<(&'static str, Datagrams)>,
        by: &'static str,
    ) -> Vec<(&'static str, Datagrams)> {
        let reach = |(from, datagrams): (&'static str, Datagrams)| {
            let machine = &self.network.host(from).machine;
            let asked = machine.run(async move {
                datagrams.reach(by).await;
                // No later one comes to somebody else.
                for _ in 0..5 {
                    let answer = datagrams.ask(b"and now?").await.expect("served");
                    assert_eq!(answer.by, by);
                }
                datagrams
            });
            (from, asked)
        };
        flows.into_iter().map(reach).collect()
    }

    /// Each of them sends something that nobody answers.
    fn all_send(&self, flows: Vec<(&'static str, Datagrams)>) -> Vec<(&'static str, Datagrams)> {
        let send = |(from, datagrams): (&'static str, Datagrams)| {
            let machine = &self.network.host(from).machine;
            let sent = machine.run(async move {
                for _ in 0..3 {
                    let pause = Duration::from_millis(50);
                    let asked = tokio::time::timeout(pause, datagrams.ask(b"anybody?")).await;
                    assert!(!matches!(asked, Ok(Ok(_))), "{from}: nobody can answer");
                }
                datagrams
            });
            (from, sent)
        };
        flows.into_iter().map(send).collect()
    }
}

/// To the same node, to another one, and by way of nobody at all.
pub fn c82_a_udp_client_follows_a_replaced_member<D: Plugin>(mut lab: Lab<D>) {
    if !lab.udp() {
        return;
    }
    let web = Service::external(1, &[]);
    let mut flows = lab.datagrams(&web);
    for member in ["a", "c", "d", "a"] {
        lab.carry(&[web.with(&[ready(member)])]);
        flows = lab.all_reach(flows, member);
    }
    lab.carry(std::slice::from_ref(&web));
    flows = lab.all_send(flows);
    lab.carry(&[web.with(&[ready("c")])]);
    lab.all_reach(flows, "c");
}

/// Cleaned when it becomes ready, not when it appears (k/k#105657).
pub fn c83_a_udp_client_is_served_once_the_member_is_ready<D: Plugin>(mut lab: Lab<D>) {
    if !lab.udp() {
        return;
    }
    let web = Service::external(1, &[unready("c")]);
    lab.carry(std::slice::from_ref(&web));
    let flows = lab.datagrams(&web);
    let flows = lab.all_send(flows);
    lab.carry(&[web.with(&[ready("c")])]);
    lab.all_reach(flows, "c");
}

/// Its first datagrams left a flow that leads nowhere.
pub fn c84_a_udp_client_that_came_first_is_served<D: Plugin>(mut lab: Lab<D>) {
    if !lab.udp() {
        return;
    }
    let web = Service::external(1, &[ready("c")]);
    let flows = lab.datagrams(&web);
    let flows = lab.all_send(flows);
    lab.carry(std::slice::from_ref(&web));
    lab.all_reach(flows, "c");
}

/// Refused while there is nobody, on the very same flow (k/k#139628).
pub fn c85_a_udp_service_recovers_from_having_nobody<D: Plugin>(mut lab: Lab<D>) {
    if !lab.udp() {
        return;
    }
    let web = Service::external(1, &[ready("c")]);
    let mut flows = lab.datagrams(&web);
    for _ in 0..2 {
        lab.carry(std::slice::from_ref(&web));
        flows = lab.all_reach(flows, "c");
        lab.carry(&[web.with(&[])]);
        let mut refused = Vec::new();
        for (from, datagrams) in flows {
            let machine = &lab.network.host(from).machine;
            let datagrams = machine.run(async move {
                let error = datagrams.refusal(b"anybody?").await;
                let kind = error.map(|error| error.kind());
                // The node's own rules stop its datagram before it is out.
                let barred = from == "n1" && kind == Some(ErrorKind::PermissionDenied);
                assert!(
                    barred || kind == Some(ErrorKind::ConnectionRefused),
                    "{from}: {kind:?}"
                );
                datagrams
            });
            refused.push((from, datagrams));
        }
        flows = refused;
    }
}

/// A segment out of the window must not reach the client as one of a stranger, which it would reset (k/k#74839).
pub fn c86_stale_packets_do_not_end_a_connection<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[]).external_local();
    for (from, target, member) in [("b", ClusterIp, "c"), ("client", NodePort("n1"), "a")] {
        lab.carry(&[web.with(&[ready(member)])]);
        let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
        let client = &lab.network.host(from).machine;
        let conversation =
            client.run(async move { Conversation::open(ask).await.expect("served") });
        let server = &lab.network.workload(member).machine;
        let seen = conversation.with.client;
        let stray = Stray::listen(server, lab.address(member), seen);
        let mut conversation = echo(client, conversation);
        stray.send(server);
        for _ in 0..5 {
            conversation = echo(client, conversation);
        }
        let end = client.run(conversation.finish()).expect("it lives");
        assert_eq!(end, format!("end of {member}"));
    }
}

fn echo(client: &Namespace, mut conversation: Conversation) -> Conversation {
    client.run(async move {
        let echoed = conversation.echo(b"still there?").await;
        echoed.expect("it lives");
        conversation
    })
}

/// To its end, also when the Service goes entirely.
pub fn c87_a_connection_to_a_removed_member_goes_on<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("a")]);
    let others = web.with(&[ready("c")]);
    for without in [vec![others], vec![web.with(&[])], vec![]] {
        lab.carry(std::slice::from_ref(&web));
        let mut open = Vec::new();
        for (from, target) in FLOWS {
            let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
            let opened = async move { Conversation::open(ask).await.expect("served") };
            open.push((from, lab.network.host(from).machine.run(opened)));
        }
        lab.carry(&without);
        for (from, mut conversation) in open {
            lab.network.host(from).machine.run(async move {
                for length in [10, 100_000] {
                    let payload = vec![7; length];
                    conversation.echo(&payload).await.expect("it lives");
                }
                assert_eq!(conversation.finish().await.expect("it lives"), "end of a");
            });
        }
        let again = lab.ask("b", lab.at(&web, ClusterIp), Protocol::Tcp);
        assert_ne!(by(&again), Some("a"), "new ones go elsewhere");
    }
}

fn by(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Answered(answer) => Some(&answer.by),
        _ => None,
    }
}

/// Fewer than the least that kernels have room for.
const MANY: usize = 50_000;
/// The kernel walks its table within some milliseconds; the rest is what a change costs a lab on an emulated machine.
const CHEAP: Duration = Duration::from_secs(2);

/// Others' flows cost a change little, and the change costs them nothing.
pub fn c88_among_many_flows_a_udp_change_stays_cheap<D: Plugin>(mut lab: Lab<D>) {
    if !lab.udp() {
        return;
    }
    let web = Service::external(1, &[ready("a")]);
    lab.carry(std::slice::from_ref(&web));
    let to = match lab.family {
        Family::V4 => "198.51.100.1",
        Family::V6 => "2001:db8:9::1",
    };
    let flow = |n: usize| {
        let (high, low) = (n / 250, n % 250 + 1);
        let from = match lab.family {
            Family::V4 => format!("198.18.{high}.{low}"),
            Family::V6 => format!("2001:db8:8::{high:x}:{low:x}"),
        };
        format!("-A -p udp -s {from} -d {to} --sport 4242 --dport 53 -t 600\n")
    };
    let flows: String = (0..MANY).map(flow).collect();
    let node = |lab: &Lab<D>, words: &[&str], input: &str| {
        let machine = &lab.network.node("n1").machine;
        machine.execute(words, input)
    };
    node(&lab, &["conntrack", "-R", "/proc/self/fd/0"], &flows);
    let mut clients = lab.datagrams(&web);
    // The best of a few, as a machine that is busy with something else is slow now and then.
    let mut best = Duration::MAX;
    for member in ["c", "a", "d", "a"] {
        let began = Instant::now();
        lab.carry(&[web.with(&[ready(member)])]);
        best = best.min(began.elapsed());
        clients = lab.all_reach(clients, member);
    }
    assert!(best < CHEAP, "{best:?}");
    let left = node(&lab, &["conntrack", "-C"], "");
    let left: usize = left.trim().parse().expect("a number");
    assert!(left >= MANY, "{left} of {MANY} and those of the clients");
}
