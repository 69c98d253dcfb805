//! Conditions and dry runs of writes: the same for every resource (AIP-134, 135, 154, 155, 163).

use portolan_proto::v1;
use tonic::{Code, Request, Status};
use v1::cluster_api_server::ClusterApi;
use v1::endpoint_api_server::EndpointApi;
use v1::namespace_api_server::NamespaceApi;
use v1::node_api_server::NodeApi;
use v1::service_api_server::ServiceApi;
use v1::service_cidr_api_server::ServiceCidrApi;
use v1::workload_api_server::WorkloadApi;

use super::{NAMESPACE, Server, fields, why};

const CLUSTER: &str = "clusters/default";
const STRANGER: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
const ID: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
const STALE: &str = "\"stale\"";

fn aborted(reason: &str) -> (Code, String) {
    (Code::Aborted, reason.to_owned())
}

/// A refusal that changed nothing.
async fn refused<M: std::fmt::Debug>(
    server: &Server,
    call: impl Future<Output = Result<tonic::Response<M>, Status>>,
) -> Status {
    let before = server.revision();
    let status = call.await.expect_err("it is refused");
    assert_eq!(server.revision(), before);
    status
}

/// Something that is allowed, and changes nothing.
async fn unchanged<M>(
    server: &Server,
    call: impl Future<Output = Result<tonic::Response<M>, Status>>,
) -> M {
    let before = server.revision();
    let done = call.await.unwrap().into_inner();
    assert_eq!(server.revision(), before);
    done
}

/// Creating: as a dry run, done, repeated, and repeated with something else.
macro_rules! creates {
    ($server:ident: $create:ident($request:expr), $other:expr) => {{
        let create = |request| $server.api.$create(Request::new(request));
        let mut request = $request;
        request.validate_only = true;
        let shown = unchanged(&$server, create(request.clone())).await;
        request.validate_only = false;
        request.request_id = ID.to_owned();
        let created = create(request.clone()).await.unwrap().into_inner();
        assert_eq!(shown.name, created.name);
        let again = unchanged(&$server, create(request.clone())).await;
        assert_eq!(
            again.uid, created.uid,
            "a repeated request returns the first result"
        );
        let other = $other(request.clone());
        let status = refused(&$server, create(other)).await;
        assert_eq!(fields(&status), ["request_id"]);
        request.request_id.clear();
        let status = refused(&$server, create(request.clone())).await;
        assert_eq!(status.code(), Code::AlreadyExists);
        for bad in ["1", "00000000-0000-0000-0000-000000000000"] {
            request.request_id = bad.to_owned();
            let status = refused(&$server, create(request.clone())).await;
            assert_eq!(fields(&status), ["request_id"]);
        }
        created
    }};
}

/// Updating the labels of what exists: on conditions, as a dry run, done, repeated; and of what does not exist.
macro_rules! updates {
    ($server:ident: $update:ident($request:ident { $field:ident }), $created:expr $(, $clean:expr)?) => {{
        let update = |request| $server.api.$update(Request::new(request));
        let mut changed = $created.clone();
        changed.labels.insert("a".to_owned(), "b".to_owned());
        let request = v1::$request {
            $field: Some(changed),
            ..v1::$request::default()
        };
        let mut stale = request.clone();
        stale.$field.as_mut().unwrap().etag = STALE.to_owned();
        let status = refused(&$server, update(stale)).await;
        assert_eq!(why(&status), aborted("ETAG_MISMATCH"));
        let mut strange = request.clone();
        strange.expected_uid = STRANGER.to_owned();
        let status = refused(&$server, update(strange)).await;
        assert_eq!(why(&status), aborted("UID_MISMATCH"));
        let mut dry_run = request.clone();
        dry_run.validate_only = true;
        let shown = unchanged(&$server, update(dry_run)).await;
        assert_eq!(shown.labels["a"], "b");
        let mut once = request.clone();
        once.request_id = uuid::Uuid::from_u128(7).to_string();
        once.expected_uid = $created.uid.clone();
        let updated = update(once.clone()).await.unwrap().into_inner();
        assert_eq!(updated.labels["a"], "b");
        assert_ne!(updated.etag, $created.etag);
        let again = unchanged(&$server, update(once)).await;
        assert_eq!(again.etag, updated.etag);
        let mut absent = request.clone();
        let resource = absent.$field.as_mut().unwrap();
        (resource.name, resource.etag) = (format!("{}2", $created.name), String::new());
        $($clean(resource);)?
        let status = refused(&$server, update(absent.clone())).await;
        assert_eq!(status.code(), Code::NotFound);
        absent.allow_missing = true;
        let created = update(absent).await.unwrap();
        let outcome = created.metadata().get("portolan-outcome").unwrap().to_str();
        assert_eq!(outcome.unwrap(), "created");
    }};
}

/// Deleting: on conditions, as a dry run, done, repeated; and what does not exist.
macro_rules! deletes {
    ($server:ident: $delete:ident($request:ident), $name:expr, $uid:expr $(, $etag:ident)?) => {{
        let delete = |request| $server.api.$delete(Request::new(request));
        let request = v1::$request {
            name: $name.clone(),
            ..v1::$request::default()
        };
        $({
            let mut stale = request.clone();
            stale.$etag = STALE.to_owned();
            let status = refused(&$server, delete(stale)).await;
            assert_eq!(why(&status), aborted("ETAG_MISMATCH"));
        })?
        let mut strange = request.clone();
        strange.expected_uid = STRANGER.to_owned();
        let status = refused(&$server, delete(strange)).await;
        assert_eq!(why(&status), aborted("UID_MISMATCH"));
        let mut dry_run = request.clone();
        dry_run.validate_only = true;
        let shown = unchanged(&$server, delete(dry_run)).await;
        assert_eq!(shown.name, $name);
        let mut once = request.clone();
        once.request_id = uuid::Uuid::from_u128(9).to_string();
        once.expected_uid = $uid.clone();
        let deleted = delete(once.clone()).await.unwrap().into_inner();
        assert!(deleted.delete_time.is_some());
        let again = unchanged(&$server, delete(once)).await;
        assert_eq!(again.name, $name, "a repeated request succeeds again");
        let mut absent = request.clone();
        let status = refused(&$server, delete(request)).await;
        assert_eq!(status.code(), Code::NotFound);
        absent.allow_missing = true;
        unchanged(&$server, delete(absent)).await;
    }};
}

fn service_spec() -> v1::ServiceSpec {
    v1::ServiceSpec {
        ports: vec![v1::ServicePort {
            port: 80,
            ..v1::ServicePort::default()
        }],
        ..v1::ServiceSpec::default()
    }
}

#[tokio::test]
async fn services() {
    let server = Server::start().await;
    let request = v1::CreateServiceRequest {
        parent: NAMESPACE.to_owned(),
        service_id: "it".to_owned(),
        service: Some(v1::Service {
            spec: Some(service_spec()),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    };
    let other = |mut request: v1::CreateServiceRequest| {
        request.service_id = "other".to_owned();
        request
    };
    let created = creates!(server: create_service(request), other);
    // What was allocated to one is no wish of the other.
    let clean = |service: &mut v1::Service| service.spec = Some(service_spec());
    updates!(server: update_service(UpdateServiceRequest { service }), created, clean);
    deletes!(server: delete_service(DeleteServiceRequest), created.name, created.uid, etag);
}

#[tokio::test]
async fn workloads() {
    let server = Server::start().await;
    let request = v1::CreateWorkloadRequest {
        parent: NAMESPACE.to_owned(),
        workload_id: "it".to_owned(),
        workload: Some(v1::Workload {
            spec: Some(v1::WorkloadSpec {
                addresses: vec!["192.0.2.1".to_owned()],
                ..v1::WorkloadSpec::default()
            }),
            ..v1::Workload::default()
        }),
        ..v1::CreateWorkloadRequest::default()
    };
    let other = |mut request: v1::CreateWorkloadRequest| {
        request.workload_id = "other".to_owned();
        request
    };
    let created = creates!(server: create_workload(request), other);
    updates!(server: update_workload(UpdateWorkloadRequest { workload }), created);
    deletes!(server: delete_workload(DeleteWorkloadRequest), created.name, created.uid, etag);
}

#[tokio::test]
async fn nodes() {
    let server = Server::start().await;
    let request = v1::CreateNodeRequest {
        parent: CLUSTER.to_owned(),
        node_id: "it".to_owned(),
        node: Some(v1::Node::default()),
        ..v1::CreateNodeRequest::default()
    };
    let other = |mut request: v1::CreateNodeRequest| {
        request.node_id = "other".to_owned();
        request
    };
    let created = creates!(server: create_node(request), other);
    updates!(server: update_node(UpdateNodeRequest { node }), created);
    deletes!(server: delete_node(DeleteNodeRequest), created.name, created.uid, etag);
}

#[tokio::test]
async fn namespaces() {
    let server = Server::start().await;
    let request = v1::CreateNamespaceRequest {
        parent: CLUSTER.to_owned(),
        namespace_id: "it".to_owned(),
        ..v1::CreateNamespaceRequest::default()
    };
    let other = |mut request: v1::CreateNamespaceRequest| {
        request.namespace_id = "other".to_owned();
        request
    };
    let created = creates!(server: create_namespace(request), other);
    updates!(server: update_namespace(UpdateNamespaceRequest { namespace }), created);
    deletes!(server: delete_namespace(DeleteNamespaceRequest), created.name, created.uid, etag);
}

#[tokio::test]
async fn ranges() {
    let server = Server::start().await;
    let request = v1::CreateServiceCidrRequest {
        parent: CLUSTER.to_owned(),
        service_cidr_id: "it".to_owned(),
        service_cidr: Some(v1::ServiceCidr {
            spec: Some(v1::ServiceCidrSpec {
                cidrs: vec!["10.200.0.0/24".to_owned()],
            }),
            ..v1::ServiceCidr::default()
        }),
        ..v1::CreateServiceCidrRequest::default()
    };
    let other = |mut request: v1::CreateServiceCidrRequest| {
        request.service_cidr_id = "other".to_owned();
        request
    };
    let created = creates!(server: create_service_cidr(request), other);
    deletes!(server: delete_service_cidr(DeleteServiceCidrRequest), created.name, created.uid, etag);
}

#[tokio::test]
async fn endpoints_written_by_hand() {
    let server = Server::start().await;
    server.put_service("web", &[]).await;
    let request = v1::ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/web"),
        source: "Endpoints/web".to_owned(),
        endpoints: vec![v1::Endpoint {
            spec: Some(v1::EndpointSpec {
                address: "192.0.2.1".to_owned(),
                ports: vec![v1::EndpointPort {
                    port: 8080,
                    ..v1::EndpointPort::default()
                }],
                ..v1::EndpointSpec::default()
            }),
            ..v1::Endpoint::default()
        }],
        validate_only: true,
        request_id: ID.to_owned(),
    };
    let replace = |request| server.api.replace_endpoints(Request::new(request));
    let shown = unchanged(&server, replace(request.clone())).await;
    assert_eq!(shown.endpoints.len(), 1);
    let request = v1::ReplaceEndpointsRequest {
        validate_only: false,
        ..request
    };
    let written = replace(request.clone()).await.unwrap().into_inner();
    unchanged(&server, replace(request.clone())).await;
    let other = v1::ReplaceEndpointsRequest {
        endpoints: Vec::new(),
        ..request
    };
    let status = refused(&server, replace(other)).await;
    assert_eq!(fields(&status), ["request_id"]);
    let [endpoint] = written.endpoints.as_slice() else {
        panic!("{written:?}");
    };
    deletes!(server: delete_endpoint(DeleteEndpointRequest), endpoint.name, endpoint.uid);
}

#[tokio::test]
async fn clusters() {
    let server = Server::start().await;
    server.cluster("east").await;
    let revision = || server.clusters.get(&super::name("east")).unwrap();
    let revision = || revision().allocator.cache().position().revision;
    let before = revision();
    let update = |etag: &str, uid: &str, validate_only| {
        let request = v1::UpdateClusterRequest {
            cluster: Some(v1::Cluster {
                name: "clusters/east".to_owned(),
                etag: etag.to_owned(),
                spec: Some(v1::ClusterSpec {
                    dns_domain: "example.internal".to_owned(),
                    ..v1::ClusterSpec::default()
                }),
                ..v1::Cluster::default()
            }),
            expected_uid: uid.to_owned(),
            validate_only,
            ..v1::UpdateClusterRequest::default()
        };
        server.api.update_cluster(Request::new(request))
    };
    let delete = |etag: &str, uid: &str, validate_only| {
        let request = v1::DeleteClusterRequest {
            name: "clusters/east".to_owned(),
            etag: etag.to_owned(),
            expected_uid: uid.to_owned(),
            validate_only,
            ..v1::DeleteClusterRequest::default()
        };
        server.api.delete_cluster(Request::new(request))
    };
    for (etag, uid, reason) in [(STALE, "", "ETAG_MISMATCH"), ("", STRANGER, "UID_MISMATCH")] {
        let status = update(etag, uid, false).await.unwrap_err();
        assert_eq!(why(&status), aborted(reason));
        let status = delete(etag, uid, false).await.unwrap_err();
        assert_eq!(why(&status), aborted(reason));
    }
    let status = update("", "nobody", false).await.unwrap_err();
    assert_eq!(fields(&status), ["expected_uid"]);
    let shown = update("", "", true).await.unwrap().into_inner();
    assert_eq!(shown.spec.unwrap().dns_domain, "example.internal");
    delete("", "", true).await.unwrap();
    assert_eq!(revision(), before, "nothing changed so far");
    update("", &shown.uid, false).await.unwrap();
    assert_ne!(revision(), before);
    delete("", &shown.uid, false).await.unwrap();
}
