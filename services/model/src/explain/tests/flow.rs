use super::*;
use crate::Protocol;
use crate::view::List;

const POD: Option<&str> = Some("10.0.7.7");
const OUTSIDE: Option<&str> = Some("203.0.113.9");
const NODE: Option<&str> = None;
const VIP: &str = "10.96.0.10";
const NODE_PORT: &str = "192.0.2.1";

fn ask(source: Option<&str>, destination: &str, port: u16) -> Flow {
    Flow {
        source: source.map(|text| text.parse().unwrap()),
        destination: destination.parse().unwrap(),
        port,
        protocol: Protocol::Tcp,
    }
}

fn backends(explanation: &FlowExplanation) -> Vec<String> {
    let names = explanation
        .backends
        .iter()
        .map(|b| b.endpoint.name.to_string());
    names.collect()
}

/// Policies (external, internal), who asks, for what, how many backends, what they see.
const MATRIX: &str = "
    Cluster Cluster pod     address 2 kept
    Cluster Cluster node    address 2 replaced
    Cluster Cluster outside address 2 replaced
    Cluster Cluster pod     port    2 replaced
    Cluster Cluster node    port    2 replaced
    Cluster Cluster outside port    2 replaced
    Local   Cluster pod     address 2 kept
    Local   Cluster node    address 2 replaced
    Local   Cluster outside address 2 replaced
    Local   Cluster pod     port    2 kept
    Local   Cluster node    port    2 replaced
    Local   Cluster outside port    1 kept
    Cluster Local   pod     address 1 kept
    Cluster Local   node    address 1 replaced
    Cluster Local   outside address 1 replaced
    Cluster Local   pod     port    2 replaced
    Cluster Local   node    port    2 replaced
    Cluster Local   outside port    2 replaced
";

#[test]
fn the_client_address_is_kept_or_replaced_as_the_matrix_says() {
    let policy = |word| match word {
        "Local" => TrafficPolicy::Local,
        _ => TrafficPolicy::Cluster,
    };
    for row in MATRIX.trim().lines() {
        let words: Vec<_> = row.split_whitespace().collect();
        let [external, internal, client, target, number, seen] = words[..] else {
            panic!("{row}");
        };
        let mut world = World::new();
        world.external(ServiceType::NodePort, policy(external));
        world.service.spec.internal_traffic_policy = Some(policy(internal));
        let source = match client {
            "pod" => POD,
            "node" => NODE,
            _ => OUTSIDE,
        };
        let asked = match target {
            "address" => ask(source, VIP, 80),
            _ => ask(source, NODE_PORT, 30_080),
        };
        let explanation = world.flow(asked);
        assert_eq!(explanation.verdict, Verdict::Forwarded, "{row}");
        assert_eq!(explanation.backends.len().to_string(), number, "{row}");
        let want = match seen {
            "kept" => FlowSource::Kept,
            _ => FlowSource::Replaced,
        };
        assert_eq!(explanation.source, Some(want), "{row}");
    }
}

#[test]
fn without_workload_ranges_every_client_is_treated_as_one_from_outside() {
    for (row, destination, port, number) in [
        ("by the address", VIP, 80, 2),
        ("by a node port", NODE_PORT, 30_080, 1),
    ] {
        let mut world = World::new();
        world.external(ServiceType::NodePort, TrafficPolicy::Local);
        world.workload_ranges.clear();
        let explanation = world.flow(ask(POD, destination, port));
        assert_eq!(explanation.source, Some(FlowSource::Kept), "{row}");
        assert_eq!(explanation.backends.len(), number, "{row}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_flow_is_forwarded_refused_dropped_or_not_ours() {
    use Verdict::{Dropped, Forwarded, NotOurs, Rejected};
    let external: Change = |w| w.external(ServiceType::NodePort, TrafficPolicy::Local);
    let elsewhere: Change = |w| {
        w.external(ServiceType::NodePort, TrafficPolicy::Local);
        w.workloads.remove(0);
    };
    let relay: Change = |w| {
        w.external(ServiceType::NodePort, TrafficPolicy::Local);
        w.workloads.remove(0);
        "userspace".clone_into(&mut w.nodes[0].spec.dataplane);
    };
    let rows: [(_, Change, Flow, Verdict, &str); 14] = [
        (
            "its port",
            |_| {},
            ask(POD, VIP, 80),
            Forwarded,
            "FORWARDED",
        ),
        (
            "another port",
            |_| {},
            ask(POD, VIP, 81),
            Rejected,
            "PORT_NOT_SERVED",
        ),
        (
            "another transport",
            |_| {},
            Flow {
                protocol: Protocol::Udp,
                ..ask(POD, VIP, 80)
            },
            Rejected,
            "PORT_NOT_SERVED",
        ),
        (
            "nobody's address",
            |_| {},
            ask(POD, "10.96.0.11", 80),
            Dropped,
            "ADDRESS_NOT_ALLOCATED",
        ),
        (
            "no endpoint",
            |w| w.workloads.clear(),
            ask(POD, VIP, 80),
            Rejected,
            "NO_ENDPOINT",
        ),
        (
            "no local one",
            elsewhere,
            ask(OUTSIDE, NODE_PORT, 30_080),
            Dropped,
            "NO_LOCAL_ENDPOINT",
        ),
        (
            "no local one, a relay",
            relay,
            ask(OUTSIDE, NODE_PORT, 30_080),
            Rejected,
            "NO_LOCAL_ENDPOINT",
        ),
        (
            "from inside",
            elsewhere,
            ask(POD, NODE_PORT, 30_080),
            Forwarded,
            "FORWARDED",
        ),
        (
            "nobody's node port",
            external,
            ask(OUTSIDE, NODE_PORT, 30_081),
            NotOurs,
            "NO_NODE_PORT",
        ),
        (
            "a node port by UDP",
            external,
            Flow {
                protocol: Protocol::Udp,
                ..ask(POD, NODE_PORT, 30_080)
            },
            NotOurs,
            "PORT_NOT_SERVED",
        ),
        (
            "another node",
            external,
            ask(OUTSIDE, "192.0.2.2", 30_080),
            NotOurs,
            "ADDRESS_OF_OTHER_NODE",
        ),
        (
            "an address without node ports",
            |w| {
                let further = "192.0.2.101".parse().unwrap();
                w.nodes[0].spec.addresses.push(further);
            },
            ask(OUTSIDE, "192.0.2.101", 30_080),
            NotOurs,
            "NO_NODE_PORT_ADDRESS",
        ),
        (
            "anybody",
            |_| {},
            ask(POD, "198.51.100.1", 80),
            NotOurs,
            "NO_SERVICE_ADDRESS",
        ),
        (
            "another proxy's",
            |w| {
                let label = "service.kubernetes.io/service-proxy-name".to_owned();
                w.service.meta.labels.insert(label, "other".to_owned());
            },
            ask(POD, VIP, 80),
            NotOurs,
            "LEFT_ALONE",
        ),
    ];
    for (row, change, asked, verdict, code) in rows {
        let mut world = World::new();
        change(&mut world);
        let explanation = world.flow(asked);
        assert_eq!(
            (explanation.verdict, explanation.code),
            (verdict, code),
            "{row}"
        );
        let has_backends = verdict == Forwarded;
        assert_eq!(!explanation.backends.is_empty(), has_backends, "{row}");
        assert!(!explanation.cause.is_empty(), "{row}");
    }
}

#[test]
fn a_flow_names_its_backends_and_what_holds_for_them() {
    let mut world = World::new();
    world.service.spec.affinity_timeout = Some(60);
    world.workloads[1].spec.draining = true;
    let explanation = world.flow(ask(POD, VIP, 80));
    assert_eq!(backends(&explanation), ["web.w.web-1"]);
    assert_eq!(explanation.list, Some(List::Cluster));
    assert_eq!(explanation.affinity_seconds, 60);
    let itself = world.flow(ask(Some("10.0.0.1"), VIP, 80));
    assert_eq!(
        itself.source,
        Some(FlowSource::Replaced),
        "it reaches itself"
    );

    world.reject("n1", "PORT_IN_USE");
    let explanation = world.flow(ask(POD, VIP, 80));
    let codes: Vec<_> = explanation.findings.iter().map(|f| f.code).collect();
    assert_eq!(codes, ["REJECTED_BY_NODE"]);
}
