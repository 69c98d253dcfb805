use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Failure, refusal};
use crate::manifest::{Manifest, Reading, Scope, read};

const SERVER: &str = "http://127.0.0.1:7420";

fn manifest(text: &str) -> Manifest {
    let scope = Scope {
        cluster: "default".into(),
        namespace: None,
    };
    match read("a.yaml", text, &scope).remove(0) {
        Reading::Manifest(manifest) => *manifest,
        other => panic!("{other:?}"),
    }
}

fn service() -> Manifest {
    manifest(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: production\nspec:\n  clusterIP: 10.0.0.9\n  ports:\n  - port: 80\n    nodePort: 31080\n",
    )
}

fn told(code: Code, details: ErrorDetails) -> Vec<String> {
    let status = Status::with_error_details(code, "the message", details);
    refusal(SERVER, &status, Some(&service()))
}

#[test]
fn a_field_that_is_wrong_is_named_in_the_words_and_places_of_the_manifest() {
    for (field, line) in [
        (
            "service.spec.ports[0].node_port",
            "a.yaml:10:15: spec.ports[0].nodePort: is wrong",
        ),
        (
            "service.spec.cluster_ips[0]",
            "a.yaml:7:14: spec.clusterIP: is wrong",
        ),
        ("service.spec.type", "a.yaml:7:3: spec.type: is wrong"),
        ("service.labels", "a.yaml:4:3: metadata.labels: is wrong"),
    ] {
        let details = ErrorDetails::with_bad_request_violation(field, "is wrong");
        let lines = told(Code::InvalidArgument, details);
        assert_eq!(lines, [format!("service/web: {line}")]);
    }
}

#[test]
fn what_stands_in_the_way_is_told_with_its_field_if_it_is_one() {
    for (subject, line) in [
        (
            "service.spec.ports[0].node_port",
            "a.yaml:10:15: spec.ports[0].nodePort: is held by default/other",
        ),
        ("10.0.0.9", "a.yaml:1:1: is held by default/other"),
    ] {
        let text = "is held by default/other";
        let details = ErrorDetails::with_precondition_failure_violation("RANGE", subject, text);
        let lines = told(Code::FailedPrecondition, details);
        assert_eq!(lines, [format!("service/web: {line}")]);
    }
}

#[test]
fn what_the_server_knows_by_another_name_is_told_with_the_field_it_concerns() {
    let absent = "a.yaml:5:14: metadata.namespace: the namespace \"production\" does not exist: add --create-namespace, or apply a manifest of kind Namespace";
    let info = |name| ErrorDetails::with_resource_info("namespaces", name, "", "");
    let quota = |reason: &str, subject: &str| {
        let mut details = ErrorDetails::with_quota_failure_violation(subject, "2 of 2 are used");
        details.set_error_info(reason, portolan_proto::DOMAIN, []);
        details
    };
    let limit = |limit| {
        quota(
            "QUOTA_EXCEEDED",
            &format!("namespaces/production/spec.quota.{limit}"),
        )
    };
    let etag = ErrorDetails::with_error_info("ETAG_MISMATCH", portolan_proto::DOMAIN, []);
    for (code, details, line) in [
        (
            Code::ResourceExhausted,
            quota("CLUSTER_IP_EXHAUSTED", "10.96.0.0/30"),
            "a.yaml:7:14: spec.clusterIP: 2 of 2 are used",
        ),
        (
            Code::ResourceExhausted,
            quota("NODE_PORT_EXHAUSTED", "30000-30001"),
            "a.yaml:9:3: spec.ports: 2 of 2 are used",
        ),
        (
            Code::ResourceExhausted,
            limit("services"),
            "a.yaml:5:14: metadata.namespace: 2 of 2 are used",
        ),
        (
            Code::ResourceExhausted,
            limit("endpoints"),
            "a.yaml:7:3: spec.selector: 2 of 2 are used",
        ),
        (
            Code::ResourceExhausted,
            quota("WHATEVER", ""),
            "a.yaml:1:1: 2 of 2 are used",
        ),
        (Code::NotFound, info("namespaces/production"), absent),
        (
            Code::NotFound,
            info("namespaces/production/services/web"),
            "a.yaml:1:1: the message",
        ),
        (
            Code::Aborted,
            etag,
            "a.yaml:4:9: metadata.name: the message",
        ),
    ] {
        assert_eq!(told(code, details), [format!("service/web: {line}")]);
    }
}

#[test]
fn endpoints_are_found_in_all_three_ways_to_write_them() {
    let endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: db}\nsubsets:\n- addresses:\n  - ip: 10.0.0.1\n  notReadyAddresses:\n  - ip: 10.0.0.2\n    nodeName: n1\n  ports:\n  - port: 1\n";
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: a\n  labels: {kubernetes.io/service-name: db}\nports:\n- port: 1\nendpoints:\n- addresses: [10.0.0.1]\n- addresses: [10.0.0.2]\n  nodeName: n1\n";
    let own = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: portolan/v1\n  kind: Endpoints\n  metadata: {name: db}\n  spec:\n    endpoints:\n    - address: 10.0.0.1\n    - address: 10.0.0.2\n      ports:\n      - servicePort: a\n";
    for (text, field, line) in [
        (
            endpoints,
            "address",
            "a.yaml:8:9: subsets[0].notReadyAddresses[0].ip",
        ),
        (
            endpoints,
            "node",
            "a.yaml:9:15: subsets[0].notReadyAddresses[0].nodeName",
        ),
        (
            endpoints,
            "ports[0].port",
            "a.yaml:11:11: subsets[0].ports[0].port",
        ),
        (slice, "address", "a.yaml:10:15: endpoints[1].addresses[0]"),
        (slice, "node", "a.yaml:11:13: endpoints[1].nodeName"),
        (slice, "ports[0].port", "a.yaml:7:9: ports[0].port"),
        (own, "address", "a.yaml:10:16: spec.endpoints[1].address"),
        (
            own,
            "ports[0].service_port",
            "a.yaml:12:22: spec.endpoints[1].ports[0].servicePort",
        ),
    ] {
        let field = format!("endpoints[1].spec.{field}");
        let details = ErrorDetails::with_bad_request_violation(&field, "is wrong");
        let status = Status::with_error_details(Code::InvalidArgument, "", details);
        let lines = refusal(SERVER, &status, Some(&manifest(text)));
        let said = lines[0].split_once(": ").map(|(_, line)| line);
        assert_eq!(said, Some(format!("{line}: is wrong").as_str()), "{field}");
    }
}

#[test]
fn an_item_of_a_list_is_found_in_its_file() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec:\n    ports:\n    - port: 0\n";
    let bad =
        ErrorDetails::with_bad_request_violation("service.spec.ports[0].port", "must not be 0");
    let status = Status::with_error_details(Code::InvalidArgument, "", bad);
    let lines = refusal(SERVER, &status, Some(&manifest(text)));
    assert_eq!(
        lines,
        ["service/a: a.yaml:9:13: spec.ports[0].port: must not be 0"]
    );
}

#[test]
fn a_status_without_text_still_says_something() {
    for (code, line) in [
        (
            Code::Unimplemented,
            "the server at http://127.0.0.1:7420 does not know this call: is it older than this command?",
        ),
        (
            Code::Internal,
            "the server at http://127.0.0.1:7420 says: Internal error",
        ),
    ] {
        assert_eq!(refusal(SERVER, &Status::new(code, ""), None), [line]);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named_with_the_remedy() {
    // Port 1 of the loopback has nobody listening; connecting is refused at once.
    let client = crate::client::Client::new("http://127.0.0.1:1").unwrap();
    let failure = client
        .get(crate::kind::Kind::Cluster, "clusters/default")
        .await
        .unwrap_err();
    let lines = failure.lines();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("can't reach the server at http://127.0.0.1:1: "),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("is `portolan serve` running?"),
        "{lines:?}"
    );
    assert_eq!(failure.exit_code(), 1);
}

#[test]
fn a_server_that_is_no_url_is_a_mistake_of_the_command_line() {
    for server in ["not a url", "ftp://there", ""] {
        let failure = crate::client::Client::new(server).err().unwrap();
        assert!(matches!(failure, Failure::Usage(_)), "{server}");
        assert_eq!(failure.exit_code(), 2);
    }
}

#[test]
fn what_an_answer_had_no_room_for_is_mentioned() {
    let mut details = ErrorDetails::with_bad_request_violation("service.spec.type", "is wrong");
    let left_out = [("left_out".to_owned(), "38".to_owned())];
    details.set_error_info("FIELD_INVALID", portolan_proto::DOMAIN, left_out);
    let lines = told(Code::InvalidArgument, details);
    let rest = "service/web: a.yaml:1:1: at least 38 more; they are told once these are put right";
    assert_eq!(
        lines,
        ["service/web: a.yaml:7:3: spec.type: is wrong", rest]
    );
}
