//! What is said of what was sent: where it is wrong, and no more of it than is good to read.

use tonic::Request;
use v1::service_api_server::ServiceApi;
use v1::workload_api_server::WorkloadApi;

use super::*;

fn update(etag: &str) -> Request<v1::UpdateServiceRequest> {
    Request::new(v1::UpdateServiceRequest {
        service: Some(v1::Service {
            name: format!("{NAMESPACE}/services/web"),
            etag: etag.to_owned(),
            ..v1::Service::default()
        }),
        ..v1::UpdateServiceRequest::default()
    })
}

#[tokio::test]
async fn an_etag_comes_back_quoted_or_not_at_all() {
    let server = Server::start().await;
    server.put_service("web", &[]).await;
    for (etag, field) in [
        ("\u{1b}[31m\n".to_owned(), "service.etag"),
        ("x".repeat(1 << 20), "service.etag"),
    ] {
        let refused = server.api.update_service(update(&etag)).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
        assert!(refused.message().len() < 300 && !refused.message().contains('\u{1b}'));
        let delete = v1::DeleteServiceRequest {
            name: format!("{NAMESPACE}/services/web"),
            etag,
            ..v1::DeleteServiceRequest::default()
        };
        let refused = server.api.delete_service(Request::new(delete)).await;
        assert_eq!(fields(&refused.unwrap_err()), ["etag"]);
    }
    let refused = server
        .api
        .update_service(update("a \"b\""))
        .await
        .unwrap_err();
    assert_eq!(why(&refused), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    assert!(
        refused.message().contains(r#"not "a \"b\"""#),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn a_name_is_told_which_of_its_parts_is_wrong() {
    let server = Server::start().await;
    for (name, parts) in [
        (
            "clusters/Default/namespaces/default/services/web",
            vec!["cluster"],
        ),
        (
            "clusters/default/namespaces/Prod/services/web",
            vec!["namespace"],
        ),
        (
            "clusters/default/namespaces/default/services/a.b",
            vec!["service"],
        ),
        (
            "clusters/A/namespaces/B/services/C",
            vec!["cluster", "namespace", "service"],
        ),
    ] {
        let get = v1::GetServiceRequest {
            name: name.to_owned(),
            ..v1::GetServiceRequest::default()
        };
        let refused = server.api.get_service(Request::new(get)).await.unwrap_err();
        assert_eq!(fields(&refused), ["name"]);
        for part in ["cluster", "namespace", "service"] {
            let said = refused.message().contains(&format!("the {part} \""));
            assert_eq!(said, parts.contains(&part), "{name}: {}", refused.message());
        }
    }
}

#[tokio::test]
async fn a_request_id_is_drawn() {
    let server = Server::start().await;
    for (id, taken) in [
        ("00000000-0000-0000-0000-000000000000", false),
        ("00000000000000000000000000000000", false),
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", true),
    ] {
        let create = v1::CreateWorkloadRequest {
            parent: NAMESPACE.to_owned(),
            workload_id: "w".to_owned(),
            workload: Some(workload()),
            request_id: id.to_owned(),
            ..v1::CreateWorkloadRequest::default()
        };
        match server.api.create_workload(Request::new(create)).await {
            Ok(_) => assert!(taken, "{id}"),
            Err(refused) => assert_eq!(
                (fields(&refused), taken),
                (vec!["request_id".to_owned()], false)
            ),
        }
    }
}

/// With a subdomain, and nothing that is published below it.
fn workload() -> v1::Workload {
    v1::Workload {
        spec: Some(v1::WorkloadSpec {
            addresses: vec!["192.0.2.1".to_owned()],
            subdomain: "set".to_owned(),
            ..v1::WorkloadSpec::default()
        }),
        ..v1::Workload::default()
    }
}

#[tokio::test]
async fn what_has_no_effect_is_told_of_workloads_too() {
    let server = Server::start().await;
    let create = v1::CreateWorkloadRequest {
        parent: NAMESPACE.to_owned(),
        workload_id: "w".to_owned(),
        workload: Some(workload()),
        ..v1::CreateWorkloadRequest::default()
    };
    let made = server
        .api
        .create_workload(Request::new(create))
        .await
        .unwrap();
    assert_eq!(
        made.into_inner().warnings,
        ["spec.subdomain has no effect without spec.hostname"]
    );
    let mut sctp = spec();
    sctp.ports[0].protocol = Protocol::Sctp;
    let new = Params {
        spec: sctp,
        ..Params::default()
    };
    let action = Action::Service(ServiceAction::Put {
        key: scoped("s"),
        put: applied(new),
    });
    let warnings = server.submit(action).await.warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("SCTP"),
        "{warnings:?}"
    );
}
