//! Traffic policies and masquerade (checklist 4.4).

use crate::Target::{ClusterIp, LoadBalancer, NodePort};
use crate::{Lab, Plugin, Service, Target, ready};

const TARGETS: [Target; 3] = [ClusterIp, NodePort("n1"), LoadBalancer];
const ALL: &[&str] = &["a", "c"];
const HERE: &[&str] = &["a"];

/// Whom a flow reaches, and whether its source is replaced by the node's.
type Flow = (&'static [&'static str], bool);

/// For each policy and source the flows to virtual address, node port and load balancer, as the checklist has them.
/// Members are `a` on this node and `c` on the other.
const FLOWS: [(&str, &str, [Flow; 3]); 9] = [
    ("default", "b", [(ALL, false), (ALL, true), (ALL, true)]),
    ("default", "n1", [(ALL, true), (ALL, true), (ALL, true)]),
    ("default", "client", [(ALL, true), (ALL, true), (ALL, true)]),
    (
        "external Local",
        "b",
        [(ALL, false), (ALL, false), (ALL, false)],
    ),
    (
        "external Local",
        "n1",
        [(ALL, true), (ALL, true), (ALL, true)],
    ),
    (
        "external Local",
        "client",
        [(ALL, true), (HERE, false), (HERE, false)],
    ),
    (
        "internal Local",
        "b",
        [(HERE, false), (ALL, true), (ALL, true)],
    ),
    (
        "internal Local",
        "n1",
        [(HERE, true), (ALL, true), (ALL, true)],
    ),
    (
        "internal Local",
        "client",
        [(HERE, true), (ALL, true), (ALL, true)],
    ),
];

/// {pod, node, outside} × {virtual address, node port, load balancer} × {default, external Local, internal Local}.
pub fn c53_sources_and_members_of_all_27_flows<D: Plugin>(mut lab: Lab<D>) {
    let plain = Service::external(1, &["a", "c"].map(ready));
    for policy in ["default", "external Local", "internal Local"] {
        let web = match policy {
            "default" => plain.clone(),
            "external Local" => plain.clone().external_local(),
            _ => plain.clone().internal_local(),
        };
        lab.carry(std::slice::from_ref(&web));
        for (_, from, flows) in FLOWS.iter().filter(|(of, ..)| *of == policy) {
            for (target, (whom, replaced)) in TARGETS.into_iter().zip(flows) {
                let source = if *replaced {
                    lab.address("n1")
                } else {
                    lab.source(from, "n1")
                };
                lab.assert_seen_as(from, lab.at(&web, target), whom, source);
            }
        }
    }
}

/// Nobody but the node itself is known to be inside then: virtual addresses are never masqueraded, and pods get what
/// sources outside get.
pub fn c54_without_workload_ranges_pods_are_outside<D: Plugin>(mut lab: Lab<D>) {
    lab.settings.workload_ranges.clear();
    let web = Service::external(1, &["a", "c"].map(ready)).external_local();
    lab.carry(std::slice::from_ref(&web));
    let pod = lab.source("b", "n1");
    lab.assert_seen_as("b", lab.at(&web, ClusterIp), &["a", "c"], pod);
    for target in [NodePort("n1"), LoadBalancer] {
        lab.assert_seen_as("b", lab.at(&web, target), &["a"], pod);
    }
    let node = lab.address("n1");
    lab.assert_seen_as("n1", lab.at(&web, NodePort("n1")), &["a", "c"], node);
}

/// The client's address with Local, a node's with Cluster.
pub fn c56_switching_the_external_policy_takes_effect<D: Plugin>(mut lab: Lab<D>) {
    let everywhere = Service::external(1, &["a", "c"].map(ready));
    let here = everywhere.clone().external_local();
    for _ in 0..2 {
        for target in [NodePort("n1"), LoadBalancer] {
            lab.carry(std::slice::from_ref(&here));
            let (at, client) = (lab.at(&here, target), lab.source("client", "n1"));
            lab.assert_seen_as("client", at, &["a"], client);
            lab.carry(std::slice::from_ref(&everywhere));
            lab.assert_seen_as("client", at, &["a", "c"], lab.address("n1"));
        }
    }
}

/// Pods and the node's own programs, to pods and to servers of the node itself.
pub fn c57_the_internal_local_policy_serves_from_the_same_node_only<D: Plugin>(mut lab: Lab<D>) {
    for member in ["a", "n1"] {
        let web = Service::new(1, &[ready(member)]).internal_local();
        lab.carry(std::slice::from_ref(&web));
        let at = lab.at(&web, ClusterIp);
        for protocol in lab.protocols() {
            for from in ["b", "n1"] {
                lab.assert_reaches(from, at, protocol, &[member]);
            }
            for from in ["c", "n2"] {
                lab.assert_dropped(from, at, protocol);
            }
        }
    }
}

/// As a short way: inside the cluster it never leaves the node for the balancer.
pub fn c58_a_pod_keeps_its_source_towards_a_load_balancer_with_local_policy<D: Plugin>(
    mut lab: Lab<D>,
) {
    let web = Service::external(1, &[ready("c")]).external_local();
    lab.carry(std::slice::from_ref(&web));
    for (pod, node) in [("a", "n1"), ("d", "n2")] {
        let source = lab.source(pod, node);
        lab.assert_seen_as(pod, lab.at(&web, LoadBalancer), &["c"], source);
    }
}
