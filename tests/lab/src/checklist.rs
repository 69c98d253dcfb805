//! The checklist's numbers, and what stands for each.

use std::ops::RangeInclusive;

use Shown::{By, Packets, Waits};

use crate::cases::CASES;

/// Where a number is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By packets: the cases whose names carry the number.
    Packets,
    /// By tests of other crates.
    By(&'static str),
    /// Not yet; why.
    Waits(&'static str),
}

/// Basic data path, nobody to serve, policies, load balancers and node ports, affinity, flows that are there already,
/// robustness.
pub const SECTIONS: [RangeInclusive<u8>; 7] = [
    22..=41,
    42..=52,
    53..=59,
    60..=67,
    68..=72,
    82..=88,
    89..=99,
];

/// What has no case of packets.
pub const ELSEWHERE: &[(u8, Shown)] = &[
    (
        55,
        By("portolan-nftables: tests/options.rs; portolan-ipvs: ranges, without packets"),
    ),
    (
        59,
        By("portolan-dataplane: tests/topology.rs; portolan-agent: metrics"),
    ),
    (
        63,
        Waits("optional: node ports at the loopback address are the userspace dataplane's"),
    ),
    (64, Waits("health-check ports come with readiness")),
    (
        66,
        Waits("rolling replacement needs draining by the control plane"),
    ),
    (
        90,
        By("portolan-agent: tests/agent.rs; portolan-tests: failures"),
    ),
    (94, By("tests/switch.rs beside this")),
    (95, By("portolan-agent: status, tests/agent.rs")),
    (97, Waits("a measurement: the dataplanes' benchmarks")),
    (99, By("portolan-dataplane: views, plan, tests/topology.rs")),
];

/// Where a number is shown.
pub fn shown(number: u8) -> Shown {
    let mut elsewhere = ELSEWHERE.iter();
    elsewhere
        .find(|(of, _)| *of == number)
        .map_or(Packets, |(_, shown)| *shown)
}

/// The numbers that a case stands for: `c25_26_27_node_ports…` for three.
pub fn numbers(case: &str) -> Vec<u8> {
    let parts = case.trim_start_matches('c').split('_');
    parts.map_while(|part| part.parse().ok()).collect()
}

/// The cases that stand for a number.
pub fn cases(number: u8) -> impl Iterator<Item = &'static str> {
    let all = CASES.iter().map(|(_, case)| *case);
    all.filter(move |case| numbers(case).contains(&number))
}
