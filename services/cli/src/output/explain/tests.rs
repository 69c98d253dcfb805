use portolan_proto::v1;
use v1::{FindingSeverity, FlowList, FlowSource, FlowVerdict};

use super::{flow, service};

const NAMESPACE: &str = "clusters/default/namespaces/shop";

const ORDERS: &str = "\
service/orders in namespace shop, seen from node n1 does not work: endpoints are empty

ERROR: endpoints are empty (NO_WORKLOAD_MATCHES)
  cause      no workload has the labels app=wbe
  remedy     give one of them the label app=wbe, or change the selector to app=web, which would
             match it and the others of its kind
  about      workload/web-1

WARNING: NOT_PROBED
  cause      nobody probes it

In order:
  - 2 nodes carry it

Known at revision 17:
  workloads  0 matched by the selector
  endpoints  2 of 3 ready
  nodes      2 of 2 programmed

Names:
  NAME                             TYPE   DATA
  orders.shop.svc.cluster.local.   A      10.96.0.7
";

fn finding(severity: FindingSeverity, code: &str, symptom: &str, cause: &str) -> v1::Finding {
    v1::Finding {
        severity: severity.into(),
        code: code.to_owned(),
        symptom: symptom.to_owned(),
        cause: cause.to_owned(),
        ..v1::Finding::default()
    }
}

#[test]
fn a_service_is_explained_with_its_verdict_first_and_the_worst_finding_next() {
    let empty = v1::Finding {
        remedy: "give one of them the label app=wbe, or change the selector to app=web, which would match it and the others of its kind".to_owned(),
        subjects: vec![format!("{NAMESPACE}/workloads/web-1")],
        ..finding(
            FindingSeverity::Error,
            "NO_WORKLOAD_MATCHES",
            "endpoints are empty",
            "no workload has the labels app=wbe",
        )
    };
    let answer = orders(empty);
    assert_eq!(service(&answer, Some("n1")), ORDERS);
}

/// With that finding for its worst.
fn orders(worst: v1::Finding) -> v1::ExplainServiceResponse {
    v1::ExplainServiceResponse {
        name: format!("{NAMESPACE}/services/orders"),
        revision: 17,
        severity: FindingSeverity::Error.into(),
        findings: vec![
            worst,
            finding(
                FindingSeverity::Warning,
                "NOT_PROBED",
                "",
                "nobody probes it",
            ),
            finding(
                FindingSeverity::Ok,
                "NODES_PROGRAMMED",
                "",
                "2 nodes carry it",
            ),
        ],
        endpoints: 3,
        ready_endpoints: 2,
        nodes: 2,
        programmed_nodes: 2,
        records: vec![v1::ExpectedRecord {
            name: "orders.shop.svc.cluster.local.".to_owned(),
            record_type: "A".to_owned(),
            data: "10.96.0.7".to_owned(),
        }],
        ..v1::ExplainServiceResponse::default()
    }
}

#[test]
fn the_verdict_follows_the_worst_finding() {
    for (severity, says) in [
        (FindingSeverity::Ok, "service/a in namespace shop works\n"),
        (
            FindingSeverity::Info,
            "service/a in namespace shop works as asked, which may surprise: client address replaced\n",
        ),
        (
            FindingSeverity::Warning,
            "service/a in namespace shop works only in part: client address replaced\n",
        ),
    ] {
        let answer = v1::ExplainServiceResponse {
            name: format!("{NAMESPACE}/services/a"),
            severity: severity.into(),
            findings: vec![finding(severity, "CODE", "client address replaced", "why")],
            ..v1::ExplainServiceResponse::default()
        };
        let text = service(&answer, None);
        assert!(text.starts_with(says), "{text}");
    }
}

#[test]
fn a_flow_is_explained_with_those_who_may_get_it() {
    let asked = v1::ExplainFlowRequest {
        name: "clusters/default/nodes/n1".to_owned(),
        destination_address: "fd00::1".to_owned(),
        destination_port: 80,
        ..v1::ExplainFlowRequest::default()
    };
    let answer = v1::ExplainFlowResponse {
        revision: 5,
        verdict: FlowVerdict::Forwarded.into(),
        code: "FORWARDED".to_owned(),
        cause: "it goes to an endpoint".to_owned(),
        service: format!("{NAMESPACE}/services/web"),
        service_port: "http".to_owned(),
        list: FlowList::SameZone.into(),
        source: FlowSource::Kept.into(),
        affinity_seconds: 60,
        backends: vec![v1::FlowBackend {
            address: "10.1.0.5".to_owned(),
            port: 8080,
            weight: 1,
            node: "n1".to_owned(),
            ..v1::FlowBackend::default()
        }],
        ..v1::ExplainFlowResponse::default()
    };
    assert_eq!(
        flow(&asked, &answer),
        "\
On node n1, from the node itself to [fd00::1]:80/TCP: forwarded (revision 5)

  cause      it goes to an endpoint
  code       FORWARDED
  service    service/web in namespace shop, port http
  choice     endpoints hinted for this node's zone
  client     backends see the client's own address
  affinity   a client keeps its backend for 60 idle seconds

  BACKEND    PORT   WEIGHT   NODE   ZONE     STATE
  10.1.0.5   8080   1        n1     <none>   ready
"
    );
}

#[test]
fn what_somebody_wrote_does_not_reach_the_terminal_as_a_command() {
    let answer = v1::ExplainServiceResponse {
        name: format!("{NAMESPACE}/services/a"),
        findings: vec![finding(
            FindingSeverity::Error,
            "C",
            "s",
            "red\u{1b}[31m\nnot",
        )],
        ..v1::ExplainServiceResponse::default()
    };
    let text = service(&answer, None);
    assert!(text.contains("red [31m not"), "{text:?}");
}
