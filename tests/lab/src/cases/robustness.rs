//! Restarts, interference and the cost of changes (checklist 4.9).

use portolan_model::Protocol;

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::{
    Ask, Conversation, Lab, Load, Outcome, PORT, Plugin, Service, ready, terminating, unready,
};

const FLOWS: [(&str, crate::Target); 3] = [
    ("b", ClusterIp),
    ("client", NodePort("n1")),
    ("client", LoadBalancer),
];

/// Neither on connections that are there nor on new ones, while the plugin is away and when it is back. What lives in a
/// process ends with it, and is there again when the process is.
pub fn c89_a_restart_is_not_noticed<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    let mut open = Vec::new();
    for (from, target) in FLOWS {
        let ask = Ask::new(lab.at(&web, target), Protocol::Tcp);
        let opened = async move { Conversation::open(ask).await.expect("served") };
        open.push((from, lab.network.host(from).machine.run(opened)));
    }
    if lab.can().persistent {
        let loads: Vec<_> = FLOWS
            .into_iter()
            .flat_map(|flow| lab.protocols().into_iter().map(move |p| (flow, p)))
            .map(|((from, target), protocol)| {
                let ask = Ask::new(lab.at(&web, target), protocol);
                (from, Load::start(&lab.network.host(from).machine, ask))
            })
            .collect();
        for _ in 0..3 {
            lab.kill("n1");
            for (_, load) in &loads {
                load.go_on(5);
            }
            lab.start("n1");
            lab.carry(std::slice::from_ref(&web));
            for (_, load) in &loads {
                load.go_on(5);
            }
        }
        for (from, load) in loads {
            assert_eq!(load.stop(&lab.network.host(from).machine), [], "{from}");
        }
    } else {
        lab.kill("n1");
        for protocol in lab.protocols() {
            let to = lab.at(&web, NodePort("n1"));
            let outcome = Ask::new(to, protocol)
                .briefly()
                .on(&lab.network.client.machine);
            assert!(!matches!(outcome, Outcome::Answered(_)), "{outcome}");
        }
        lab.start("n1");
        lab.carry(std::slice::from_ref(&web));
    }
    for (from, mut conversation) in open {
        let persistent = lab.can().persistent;
        lab.network.host(from).machine.run(async move {
            let echoed = conversation.echo(b"still there?").await;
            assert_eq!(echoed.is_ok(), persistent, "{from}: {echoed:?}");
        });
    }
    for protocol in lab.protocols() {
        for (from, target) in FLOWS {
            lab.assert_reaches(from, lab.at(&web, target), protocol, &["a", "c"]);
        }
    }
}

/// Whatever a dataplane keeps in the kernel, somebody deletes it; the next look puts it back.
pub fn c91_what_is_deleted_by_hand_is_restored<D: Plugin>(mut lab: Lab<D>) {
    let web = Service::external(1, &[ready("c")]);
    lab.carry(std::slice::from_ref(&web));
    let at = lab.at(&web, ClusterIp);
    for _ in 0..2 {
        sabotage(&lab, "n1");
        let outcome = Ask::new(at, Protocol::Tcp)
            .briefly()
            .on(&lab.network.workload("a").machine);
        assert!(!matches!(outcome, Outcome::Answered(_)), "{outcome}");
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            for (from, target) in FLOWS {
                lab.assert_reaches(from, lab.at(&web, target), protocol, &["c"]);
            }
        }
    }
}

/// Deletes every rule, and every local route that is not the kernel's own.
fn sabotage<D: Plugin>(lab: &Lab<D>, node: &str) {
    let machine = &lab.network.node(node).machine;
    machine.execute(&["nft", "flush", "ruleset"], "");
    for family in ["-4", "-6"] {
        let words = ["ip", family, "route", "show", "table", "local"];
        let routes = machine.execute(&words, "");
        let foreign = routes
            .lines()
            .filter(|route| !route.contains("proto kernel"));
        for route in foreign {
            let delete = [
                &["ip", family, "route", "del", "table", "local"][..],
                &route.split_whitespace().collect::<Vec<_>>(),
            ]
            .concat();
            machine.execute(&delete, "");
        }
    }
}

/// What is not desired any more goes with the first look; what is stays. An older version may have left tables of another
/// layout, which go as well.
pub fn c92_what_an_earlier_run_left_is_cleaned<D: Plugin>(mut lab: Lab<D>) {
    let (gone, kept) = (
        Service::external(1, &[ready("a")]),
        Service::external(2, &[ready("c")]),
    );
    for older in [false, true] {
        lab.carry(&[gone.clone(), kept.clone()]);
        lab.kill("n1");
        if older {
            leave_older_tables(&lab, "n1", &[gone.node_port(), kept.node_port()]);
        }
        lab.start("n1");
        lab.carry(std::slice::from_ref(&kept));
        for protocol in lab.protocols() {
            lab.assert_dropped("b", lab.at(&gone, ClusterIp), protocol);
            lab.assert_refused("client", lab.at(&gone, NodePort("n1")), protocol);
            lab.assert_reaches("client", lab.at(&kept, NodePort("n1")), protocol, &["c"]);
        }
        let machine = &lab.network.node("n1").machine;
        let rules = machine.execute(&["nft", "list", "ruleset"], "");
        assert!(!rules.contains(OLDER), "{rules}");
    }
}

const OLDER: &str = "layout_of_before";

/// In place of each table that the plugin has, if it has any: one under the same name that swallows what goes to these
/// ports.
fn leave_older_tables<D: Plugin>(lab: &Lab<D>, node: &str, ports: &[u16]) {
    let machine = &lab.network.node(node).machine;
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(", ");
    for table in machine.execute(&["nft", "list", "tables"], "").lines() {
        let script = format!(
            "delete {table}
            {table} {{
                chain {OLDER} {{
                    type filter hook prerouting priority -400
                    meta l4proto {{ tcp, udp }} th dport {{ {ports} }} drop
                }}
            }}"
        );
        machine.execute(&["nft", "-f", "-"], &script);
    }
}

const FOREIGN: &str = "
table inet foreign {
    set blocked {
        type ipv4_addr
        elements = { 198.51.100.250 }
    }
    chain input {
        type filter hook input priority 0
        ip saddr @blocked drop
    }
    chain nat {
        type nat hook prerouting priority -150
        tcp dport 65000 redirect to :65001
    }
}
";

/// Rules, addresses and routes: while it works, and after cleanup nothing else is left.
pub fn c93_what_is_not_ours_is_left_alone<D: Plugin>(mut lab: Lab<D>) {
    lab.cleanup("n1");
    let all = |lab: &Lab<D>| {
        let machine = &lab.network.node("n1").machine;
        [
            machine.execute(&["nft", "list", "ruleset"], ""),
            machine.execute(&["ip", "-o", "addr"], ""),
            machine.execute(&["ip", "rule"], ""),
            machine.execute(&["ip", "-o", "link"], ""),
            machine.execute(&["ip", "route", "show", "table", "all"], ""),
            machine.execute(&["ip", "-6", "route", "show", "table", "all"], ""),
        ]
    };
    let foreign = |lab: &Lab<D>| {
        let machine = &lab.network.node("n1").machine;
        machine.execute(&["nft", "list", "table", "inet", "foreign"], "")
    };
    let machine = &lab.network.node("n1").machine;
    machine.execute(&["nft", "-f", "-"], FOREIGN);
    machine.ip("route add local 198.18.0.0/24 dev lo\nroute add unreachable 198.19.0.0/24\n");
    let (before, theirs) = (all(&lab), foreign(&lab));
    let web = Service::external(1, &["a", "c"].map(ready)).affine(10);
    for _ in 0..2 {
        lab.carry(std::slice::from_ref(&web));
        for protocol in lab.protocols() {
            let at = (web.cluster_ip(lab.family), PORT).into();
            lab.answers("b", Ask::new(at, protocol), 3);
        }
        assert_eq!(foreign(&lab), theirs);
        lab.kill("n1");
        lab.start("n1");
        lab.carry(&[]);
        assert_eq!(foreign(&lab), theirs);
        lab.cleanup("n1");
        assert_eq!(all(&lab), before);
    }
}

/// Among forty Services the plan for a change is the change.
pub fn c96_a_change_writes_what_it_concerns<D: Plugin>(mut lab: Lab<D>) {
    let mut services: Vec<_> = (1..=40)
        .map(|n| Service::external(n, &["a", "c"].map(ready)))
        .collect();
    lab.carry(&services);
    // Three targets, two transports, two families.
    let targets = 3 * lab.protocols().len() * lab.can().families.len();
    let removed = services.remove(7);
    let plan = lab.carry_what_it_can("n1", &services).plan;
    assert_eq!((plan.put.len(), plan.remove.len()), (0, targets));
    services.push(removed);
    let plan = lab.carry_what_it_can("n1", &services).plan;
    assert_eq!((plan.put.len(), plan.remove.len()), (targets, 0));
    services[3] = services[3].with(&[ready("d")]);
    let plan = lab.carry_what_it_can("n1", &services).plan;
    assert_eq!((plan.put.len(), plan.remove.len()), (targets, 0));
    let plan = lab.carry_what_it_can("n1", &services).plan;
    assert!(plan.is_empty(), "{plan:?}");
}

/// Members, their states, policies and whole Services come, go and come back; after each step traffic is where it should
/// be. The seed is part of every message.
pub fn c98_a_long_random_sequence_ends_where_it_should<D: Plugin>(mut lab: Lab<D>) {
    const SEED: u64 = 98;
    let mut random = Random(SEED);
    for step in 0..40 {
        let services: Vec<_> = (1..=3).filter_map(|n| random.service(n)).collect();
        lab.carry(&services);
        for service in &services {
            let protocol = lab.protocols()[random.below(lab.protocols().len())];
            for (from, target) in FLOWS {
                let key = service.key((target, protocol), &lab.network, lab.family);
                let carried = lab.observe("n1");
                let carried = carried.get(&key).expect("it is carried");
                let pool = match &carried.inside {
                    Some(inside) if from != "client" => inside,
                    _ => &carried.pool,
                };
                let may: Vec<_> = pool.backends.iter().map(|b| b.address).collect();
                let outcome = Ask::new(key.socket_addr(), protocol)
                    .briefly()
                    .on(&lab.network.host(from).machine);
                let fits = match &outcome {
                    Outcome::Answered(answer) => may.contains(&lab.address(&answer.by)),
                    Outcome::Refused | Outcome::Silent => may.is_empty(),
                    Outcome::Barred | Outcome::Failed(_) => false,
                };
                assert!(
                    fits,
                    "seed {SEED}, step {step}: {from} to {key}: {outcome}, may be {may:?}"
                );
            }
        }
    }
}

/// A sequence that is the same each time (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end).expect("usize fits u64");
        usize::try_from(self.0 % end).expect("below a usize")
    }

    /// Service N in some shape, or not at all.
    fn service(&mut self, number: u8) -> Option<Service> {
        if self.below(5) == 0 {
            return None;
        }
        let mut members = Vec::new();
        for host in ["a", "b", "c", "d"] {
            match self.below(5) {
                0 => members.push(unready(host)),
                1 => members.push(terminating(host)),
                2 | 3 => members.push(ready(host)),
                _ => {}
            }
        }
        let mut service = Service::external(number, &members);
        if self.below(2) == 0 {
            service = service.external_local();
        }
        if self.below(2) == 0 {
            service = service.internal_local();
        }
        Some(service)
    }
}
