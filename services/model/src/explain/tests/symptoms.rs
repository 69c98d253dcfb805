use super::*;
use crate::{ClusterIps, Family, Revision, TargetPort};

use Symptom::{
    AddressPending, ClientAddressReplaced, ConnectionRefused, EndpointsEmpty, IntermittentFailures,
    NameNotResolved, NoAnswerOnSomeNodes,
};

#[test]
fn empty_endpoints_have_a_cause_and_a_remedy() {
    check(&[
        (
            "a wrong value",
            |w| w.select(&[("app", "web"), ("tier", "front")]),
            EndpointsEmpty,
            "NO_WORKLOAD_MATCHES",
            "tier=front",
        ),
        (
            "the value that it has",
            |w| {
                w.label("web-2", "tier", "frnt");
                w.select(&[("app", "web"), ("tier", "front")]);
            },
            EndpointsEmpty,
            "NO_WORKLOAD_MATCHES",
            "\"frnt\"",
        ),
        (
            "the only label differs",
            |w| w.select(&[("app", "wbe")]),
            EndpointsEmpty,
            "NO_WORKLOAD_MATCHES",
            "its app is \"web\"",
        ),
        (
            "the workloads live elsewhere",
            |w| w.move_workloads("shop"),
            EndpointsEmpty,
            "NO_WORKLOAD_MATCHES",
            "namespace shop",
        ),
        (
            "no workload at all",
            |w| w.workloads.clear(),
            EndpointsEmpty,
            "NO_WORKLOAD_MATCHES",
            "no workload at all",
        ),
        (
            "the other family",
            |w| w.service.spec.families = vec![Family::V6],
            EndpointsEmpty,
            "NO_WORKLOAD_ADDRESS",
            "IPv6",
        ),
        (
            "nothing written by hand",
            |w| w.select(&[]),
            EndpointsEmpty,
            "NO_ENDPOINTS_WRITTEN",
            "selector",
        ),
    ]);
}

#[test]
fn a_name_that_does_not_resolve_has_a_cause_and_a_remedy() {
    check(&[
        (
            "headless without a ready endpoint",
            |w| {
                w.service.spec.cluster_ips = ClusterIps::None;
                w.fail("web-1", "timeout");
                w.fail("web-2", "timeout");
            },
            NameNotResolved,
            "NAME_HAS_NO_ADDRESS",
            "NXDOMAIN",
        ),
        (
            "headless, and why none is ready",
            |w| {
                w.service.spec.cluster_ips = ClusterIps::None;
                w.fail("web-1", "timeout");
                w.fail("web-2", "timeout");
            },
            NameNotResolved,
            "NO_ENDPOINT_READY",
            "timeout",
        ),
        (
            "an alias of nothing",
            |w| w.alias("gone.shop.svc.cluster.local"),
            NameNotResolved,
            "ALIAS_DANGLES",
            "shop/gone",
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_refused_connection_has_a_cause_and_a_remedy() {
    check(&[
        (
            "nobody listens",
            |w| {
                w.fail("web-1", "can't connect: Connection refused (os error 111)");
                w.fail("web-2", "can't connect: Connection refused (os error 111)");
            },
            ConnectionRefused,
            "NO_ENDPOINT_READY",
            "targetPort",
        ),
        (
            "probes fail otherwise",
            |w| {
                w.fail("web-1", "status 500");
                w.fail("web-2", "status 500");
            },
            ConnectionRefused,
            "NO_ENDPOINT_READY",
            "status 500",
        ),
        (
            "nobody probes",
            |w| {
                let all = w.workloads.iter_mut();
                all.for_each(|w| w.spec.node = Some(name("n9")));
            },
            ConnectionRefused,
            "NO_ENDPOINT_READY",
            "NoProber",
        ),
        (
            "no result yet",
            |w| w.workloads.iter_mut().for_each(|w| w.readiness = None),
            ConnectionRefused,
            "NO_ENDPOINT_READY",
            "not reported",
        ),
        (
            "a port that nobody names",
            |w| w.service.spec.ports[0].target = TargetPort::Name("metrics".to_owned()),
            ConnectionRefused,
            "PORT_NOT_SERVED",
            "http (8080/TCP)",
        ),
        (
            "hand-written ports with another name",
            |w| w.write_endpoint("web"),
            ConnectionRefused,
            "PORT_NOT_SERVED",
            "\"web\"",
        ),
        (
            "where no endpoint may be",
            |w| {
                let all = w.workloads.iter_mut();
                all.for_each(|w| w.spec.addresses = vec!["127.0.0.1".parse().unwrap()]);
            },
            ConnectionRefused,
            "ENDPOINT_NOT_ADMITTED",
            "loopback",
        ),
        (
            "a target that nobody declares",
            |w| w.service.spec.ports[0].target = TargetPort::Number(9090),
            ConnectionRefused,
            "TARGET_PORT_UNDECLARED",
            "9090",
        ),
        (
            "a target that nobody probes",
            |w| w.service.spec.ports[0].target = TargetPort::Number(9090),
            ConnectionRefused,
            "TARGET_PORT_NOT_PROBED",
            "8080",
        ),
        (
            "no node",
            |w| w.nodes.clear(),
            ConnectionRefused,
            "NO_NODES",
            "plugin",
        ),
        (
            "every node rejects it",
            |w| {
                w.reject("n1", "PORT_IN_USE");
                w.reject("n2", "PORT_IN_USE");
            },
            ConnectionRefused,
            "REJECTED_BY_NODE",
            "PORT_IN_USE",
        ),
        (
            "another proxy's",
            |w| {
                let label = "service.kubernetes.io/service-proxy-name".to_owned();
                w.service.meta.labels.insert(label, "other".to_owned());
            },
            ConnectionRefused,
            "LEFT_ALONE",
            "service-proxy-name",
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn intermittent_failures_have_a_cause_and_a_remedy() {
    check(&[
        (
            "one of two fails",
            |w| w.fail("web-2", "status 503"),
            IntermittentFailures,
            "SOME_NOT_READY",
            "status 503",
        ),
        (
            "a foreign workload",
            |w| {
                w.service.spec.ports[0].target = TargetPort::Number(8080);
                w.add_workload("db-1", "n1", &[("postgres", 5432)]);
            },
            IntermittentFailures,
            "FOREIGN_WORKLOAD",
            "db-1",
        ),
        (
            "only what is about to end",
            |w| w.workloads.iter_mut().for_each(|w| w.spec.draining = true),
            IntermittentFailures,
            "ONLY_TERMINATING",
            "end",
        ),
        (
            "not probed",
            |w| w.workloads[0].spec.probe = None,
            IntermittentFailures,
            "NOT_PROBED",
            "1 of 2",
        ),
        (
            "a node rejects it",
            |w| w.reject("n2", "PORT_IN_USE"),
            IntermittentFailures,
            "REJECTED_BY_NODE",
            "n2",
        ),
        (
            "a node lacks what it needs",
            |w| w.reject("n2", "UNSUPPORTED_FEATURE"),
            IntermittentFailures,
            "UNSUPPORTED_BY_NODE",
            "n2",
        ),
        (
            "a node lags",
            |w| w.report("n2").attempted = Revision(1),
            IntermittentFailures,
            "NODE_LAGS",
            "n2",
        ),
        (
            "a node is away",
            |w| w.report("n2").connected = false,
            IntermittentFailures,
            "NODE_NOT_CONNECTED",
            "n2",
        ),
        (
            "a node was never there",
            |w| w.reports.retain(|row| row.node != name("n2")),
            IntermittentFailures,
            "NODE_NOT_CONNECTED",
            "n2",
        ),
    ]);
}

#[test]
fn a_pending_address_has_a_cause_and_a_remedy() {
    check(&[
        (
            "no pool",
            |w| w.external(ServiceType::LoadBalancer, TrafficPolicy::Cluster),
            AddressPending,
            "LOAD_BALANCER_PENDING",
            "30080",
        ),
        (
            "a foreign class",
            |w| {
                w.external(ServiceType::LoadBalancer, TrafficPolicy::Cluster);
                w.service.spec.load_balancer_class = Some("example.com/lb".to_owned());
            },
            AddressPending,
            "LOAD_BALANCER_FOREIGN",
            "example.com/lb",
        ),
    ]);
}

#[test]
fn a_replaced_client_address_has_a_cause_and_a_remedy() {
    check(&[
        (
            "the Cluster policy",
            |w| w.external(ServiceType::NodePort, TrafficPolicy::Cluster),
            ClientAddressReplaced,
            "CLIENT_ADDRESS_REPLACED",
            "externalTrafficPolicy: Local",
        ),
        (
            "a relay",
            |w| "userspace".clone_into(&mut w.nodes[0].spec.dataplane),
            ClientAddressReplaced,
            "CLIENT_ADDRESS_RELAYED",
            "n1",
        ),
    ]);
    let mut world = World::new();
    world.external(ServiceType::NodePort, TrafficPolicy::Local);
    let codes = world.codes();
    assert!(!codes.contains(&"CLIENT_ADDRESS_REPLACED"), "{codes:?}");
}

#[test]
fn silence_by_a_local_policy_has_a_cause_and_a_remedy() {
    check(&[
        (
            "external",
            |w| {
                w.external(ServiceType::NodePort, TrafficPolicy::Local);
                w.workloads.pop();
            },
            NoAnswerOnSomeNodes,
            "NO_LOCAL_ENDPOINT",
            "externalTrafficPolicy: Cluster",
        ),
        (
            "internal",
            |w| {
                w.service.spec.internal_traffic_policy = Some(TrafficPolicy::Local);
                w.workloads.pop();
            },
            NoAnswerOnSomeNodes,
            "NO_LOCAL_ENDPOINT",
            "n2",
        ),
        (
            "the local one is not ready",
            |w| {
                w.external(ServiceType::NodePort, TrafficPolicy::Local);
                w.fail("web-2", "timeout");
            },
            NoAnswerOnSomeNodes,
            "NO_LOCAL_ENDPOINT",
            "n2",
        ),
    ]);
    for (row, change) in [
        (
            "an endpoint everywhere",
            (|w| w.external(ServiceType::NodePort, TrafficPolicy::Local)) as Change,
        ),
        ("no endpoint anywhere: it is refused", |w| {
            w.external(ServiceType::NodePort, TrafficPolicy::Local);
            w.workloads.clear();
        }),
    ] {
        let mut world = World::new();
        change(&mut world);
        let codes = world.codes();
        assert!(!codes.contains(&"NO_LOCAL_ENDPOINT"), "{row}: {codes:?}");
    }
}
