mod flow;
mod symptoms;
mod world;

use super::*;
use crate::{ClusterIps, ServiceType, TargetPort, TrafficPolicy};
use world::*;

type Change = fn(&mut World);
/// Name, what is wrong, what one sees, the code, and a word that the answer must name.
type Row = (&'static str, Change, Symptom, &'static str, &'static str);

fn check(rows: &[Row]) {
    for (row, change, symptom, code, word) in rows {
        let mut world = World::new();
        change(&mut world);
        let explanation = world.explain();
        let found = explanation.findings.iter().find(|f| f.code == *code);
        let found = found.unwrap_or_else(|| panic!("{row}: {:?}", explanation.findings));
        assert_eq!(found.symptom, Some(*symptom), "{row}");
        assert!(found.severity > Severity::Ok, "{row}");
        assert!(
            found.cause.contains(word) || found.remedy.contains(word),
            "{row}: {found:?}"
        );
        assert!(!found.remedy.is_empty(), "{row}: it has a remedy");
        let severities: Vec<_> = explanation.findings.iter().map(|f| f.severity).collect();
        assert!(
            severities.is_sorted_by(|a, b| a >= b),
            "{row}: the worst first"
        );
    }
}

#[test]
fn of_a_healthy_service_nothing_is_wrong() {
    let world = World::new();
    let explanation = world.explain();
    let bad: Vec<_> = explanation
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    let counts = (
        explanation.workloads,
        explanation.endpoints,
        explanation.ready_endpoints,
        explanation.nodes,
        explanation.programmed_nodes,
    );
    assert_eq!(counts, (2, 2, 2, 2, 2));
}

#[test]
fn one_node_is_looked_at_alone() {
    let mut world = World::new();
    world.reject("n2", "PORT_IN_USE");
    let state = world.state();
    let reports = NodeReports::new(world.reports.clone());
    for (node, carries, code) in [("n1", 1, "NODES_PROGRAMMED"), ("n2", 0, "REJECTED_BY_NODE")] {
        let of = state.node(&name(node)).map(AsRef::as_ref);
        let explanation = service(&state, &reports, &world.service, of);
        assert_eq!(
            (explanation.nodes, explanation.programmed_nodes),
            (1, carries),
            "{node}"
        );
        let mut codes = explanation.findings.iter().map(|finding| finding.code);
        assert!(
            codes.any(|it| it == code),
            "{node}: {:?}",
            explanation.findings
        );
    }
}

#[test]
fn names_resolve_as_the_schema_says() {
    let rows: [(_, Change, &[&str]); 4] = [
        (
            "a virtual address",
            |_| {},
            &[
                "web.default.svc.cluster.local. A 10.96.0.10",
                "_http._tcp.web.default.svc.cluster.local. SRV 0 100 80 web.default.svc.cluster.local.",
            ],
        ),
        (
            "headless",
            |w| {
                w.service.spec.cluster_ips = ClusterIps::None;
                w.workloads.pop();
                w.service.spec.ports[0].target = TargetPort::Number(8080);
            },
            &[
                "web.default.svc.cluster.local. A 10.0.0.1",
                "10-0-0-1.web.default.svc.cluster.local. A 10.0.0.1",
                "_http._tcp.web.default.svc.cluster.local. SRV 0 100 8080 10-0-0-1.web.default.svc.cluster.local.",
            ],
        ),
        (
            "headless without endpoints",
            |w| {
                w.service.spec.cluster_ips = ClusterIps::None;
                w.workloads.clear();
            },
            &["web.default.svc.cluster.local. NXDOMAIN "],
        ),
        (
            "an alias",
            |w| w.alias("db.example.com"),
            &["web.default.svc.cluster.local. CNAME db.example.com."],
        ),
    ];
    for (row, change, want) in rows {
        let mut world = World::new();
        change(&mut world);
        let records = world.explain().records;
        let got: Vec<_> = records
            .iter()
            .map(|r| format!("{} {} {}", r.name, r.record_type, r.data))
            .collect();
        assert_eq!(got, want, "{row}");
    }
}
