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
        ("10.0.0.9", "is held by default/other"),
    ] {
        let text = "is held by default/other";
        let details = ErrorDetails::with_precondition_failure_violation("RANGE", subject, text);
        let lines = told(Code::FailedPrecondition, details);
        assert_eq!(lines, [format!("service/web: {line}")]);
    }
}

#[test]
fn other_refusals_keep_the_words_of_the_server() {
    let namespace = "service/web: the namespace \"production\" does not exist: add --create-namespace, or apply a manifest of kind Namespace";
    let info = |name| ErrorDetails::with_resource_info("namespaces", name, "", "");
    let quota = ErrorDetails::with_quota_failure_violation("10.96.0.0/30", "2 of 2 are used");
    for (code, details, line) in [
        (
            Code::ResourceExhausted,
            quota,
            "service/web: 2 of 2 are used",
        ),
        (Code::NotFound, info("namespaces/production"), namespace),
        (
            Code::NotFound,
            info("namespaces/production/services/web"),
            "service/web: the message",
        ),
        (
            Code::Aborted,
            ErrorDetails::new(),
            "service/web: the message",
        ),
    ] {
        assert_eq!(told(code, details), [line]);
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
