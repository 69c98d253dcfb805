//! A server of Services and namespaces that remembers, and refuses a little.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use portolan_proto::v1;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, iter};
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};
use v1::namespace_api_server::{NamespaceApi, NamespaceApiServer};
use v1::service_api_server::{ServiceApi, ServiceApiServer};

use crate::object::{last, namespace};

#[derive(Default)]
struct State {
    namespaces: BTreeMap<String, v1::Namespace>,
    services: BTreeMap<String, v1::Service>,
    watched_from: Vec<u64>,
}

#[derive(Clone, Default)]
struct Apis(Arc<Mutex<State>>);

pub(super) struct Fake {
    pub(super) url: String,
    apis: Apis,
}

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let apis = Apis::default();
        let server = Server::builder()
            .add_service(ServiceApiServer::new(apis.clone()))
            .add_service(NamespaceApiServer::new(apis.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { url, apis }
    }

    pub(super) fn specs(&self) -> Vec<v1::ServiceSpec> {
        let state = self.apis.0.lock().unwrap();
        state
            .services
            .values()
            .map(|service| service.spec.clone().unwrap())
            .collect()
    }

    pub(super) fn watched_from(&self) -> Vec<u64> {
        self.apis.0.lock().unwrap().watched_from.clone()
    }
}

fn outcome<T>(value: T, outcome: &'static str) -> Response<T> {
    let mut response = Response::new(value);
    response
        .metadata_mut()
        .insert("portolan-outcome", outcome.parse().unwrap());
    response
}

fn put<T: Clone + PartialEq>(map: &mut BTreeMap<String, T>, name: String, value: T) -> Response<T> {
    let said = match map.insert(name, value.clone()) {
        None => "created",
        Some(old) if old == value => "unchanged",
        Some(_) => "configured",
    };
    outcome(value, said)
}

fn not_found(kind: &str, name: &str) -> Status {
    let details = ErrorDetails::with_resource_info(kind, name, "", "");
    Status::with_error_details(
        Code::NotFound,
        format!("{kind}/{} not found", last(name)),
        details,
    )
}

fn unused<T>() -> Result<T, Status> {
    Err(Status::unimplemented("no test needs it"))
}

#[tonic::async_trait]
impl ServiceApi for Apis {
    type WatchServicesStream = Events<v1::WatchServicesResponse>;

    async fn create_service(
        &self,
        _: Request<v1::CreateServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        unused()
    }

    async fn get_service(
        &self,
        request: Request<v1::GetServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let name = request.into_inner().name;
        let found = self.0.lock().unwrap().services.get(&name).cloned();
        found
            .map(Response::new)
            .ok_or_else(|| not_found("services", &name))
    }

    /// One a page.
    async fn list_services(
        &self,
        request: Request<v1::ListServicesRequest>,
    ) -> Result<Response<v1::ListServicesResponse>, Status> {
        let request = request.into_inner();
        let state = self.0.lock().unwrap();
        let parent = request.parent.trim_end_matches('-');
        let below = state
            .services
            .iter()
            .filter(|(name, _)| name.starts_with(parent));
        let mut rest = below.filter(|(name, _)| **name > request.page_token);
        let page = rest.next().map(|(_, service)| service.clone());
        let more = rest.next().is_some();
        let token = page
            .as_ref()
            .filter(|_| more)
            .map(|service| service.name.clone());
        Ok(Response::new(v1::ListServicesResponse {
            services: page.into_iter().collect(),
            next_page_token: token.unwrap_or_default(),
            revision: 1,
            ..v1::ListServicesResponse::default()
        }))
    }

    async fn update_service(
        &self,
        request: Request<v1::UpdateServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let request = request.into_inner();
        assert!(request.allow_missing && request.update_mask.unwrap().paths == ["*"]);
        let service = request.service.unwrap();
        let mut state = self.0.lock().unwrap();
        let owner = namespace(&service.name);
        if owner != "default" && !state.namespaces.contains_key(owner) {
            return Err(not_found(
                "namespaces",
                &format!("clusters/default/namespaces/{owner}"),
            ));
        }
        if service.spec.as_ref().unwrap().r#type() == v1::ServiceType::LoadBalancer {
            let text = "LoadBalancer is not supported yet";
            let details = ErrorDetails::with_bad_request_violation("service.spec.type", text);
            return Err(Status::with_error_details(
                Code::InvalidArgument,
                text,
                details,
            ));
        }
        Ok(put(&mut state.services, service.name.clone(), service))
    }

    async fn delete_service(
        &self,
        request: Request<v1::DeleteServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let name = request.into_inner().name;
        let removed = self.0.lock().unwrap().services.remove(&name);
        removed
            .map(Response::new)
            .ok_or_else(|| not_found("services", &name))
    }

    async fn explain_service(
        &self,
        _: Request<v1::ExplainServiceRequest>,
    ) -> Result<Response<v1::ExplainServiceResponse>, Status> {
        unused()
    }

    async fn batch_get_services(
        &self,
        _: Request<v1::BatchGetServicesRequest>,
    ) -> Result<Response<v1::BatchGetServicesResponse>, Status> {
        unused()
    }

    async fn batch_create_services(
        &self,
        _: Request<v1::BatchCreateServicesRequest>,
    ) -> Result<Response<v1::BatchCreateServicesResponse>, Status> {
        unused()
    }

    /// Five watches: two that end before the initial state is complete, the initial state and a cut within a revision, one
    /// change and another, and the end.
    async fn watch_services(
        &self,
        request: Request<v1::WatchServicesRequest>,
    ) -> Result<Response<Self::WatchServicesStream>, Status> {
        use v1::WatchEventType::{Added, Bookmark, Modified, Synced};
        let request = request.into_inner();
        let from = request.from_revision;
        assert_eq!(request.store_id.is_empty(), from == 0, "both or none");
        let count = {
            let mut inner = self.0.lock().unwrap();
            inner.watched_from.push(from);
            inner.watched_from.len()
        };
        let event = |kind: v1::WatchEventType, name: &str, revision| {
            let service = v1::Service {
                name: format!("clusters/default/namespaces/default/services/{name}"),
                ..v1::Service::default()
            };
            Ok(v1::WatchServicesResponse {
                r#type: kind.into(),
                service: (!name.is_empty()).then_some(service),
                revision,
                store_id: "a store".to_owned(),
            })
        };
        let events = match (from, count) {
            (0, 1) => vec![
                event(Added, "gone", 0),
                Err(Status::unavailable("restarting")),
            ],
            (0, 2) => vec![
                event(Added, "gone", 0),
                Err(Status::out_of_range("STORE_RELOADED")),
            ],
            (0, _) => vec![
                event(Added, "a", 0),
                event(Added, "b", 0),
                event(Synced, "", 6),
                event(Modified, "b", 7),
                event(Modified, "a", 0),
                Err(Status::unavailable("restarting")),
            ],
            (7, _) => vec![
                event(Modified, "a", 0),
                event(Added, "c", 8),
                event(Bookmark, "", 8),
                Err(Status::aborted("WATCH_TOO_SLOW")),
            ],
            _ => vec![Err(Status::permission_denied("no more of it"))],
        };
        Ok(Response::new(Box::pin(iter(events))))
    }
}

#[tonic::async_trait]
impl NamespaceApi for Apis {
    type WatchNamespacesStream = Events<v1::WatchNamespacesResponse>;

    async fn create_namespace(
        &self,
        _: Request<v1::CreateNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        unused()
    }

    async fn get_namespace(
        &self,
        request: Request<v1::GetNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let name = request.into_inner().name;
        let found = self.0.lock().unwrap().namespaces.get(last(&name)).cloned();
        found
            .map(Response::new)
            .ok_or_else(|| not_found("namespaces", &name))
    }

    async fn list_namespaces(
        &self,
        _: Request<v1::ListNamespacesRequest>,
    ) -> Result<Response<v1::ListNamespacesResponse>, Status> {
        unused()
    }

    async fn update_namespace(
        &self,
        request: Request<v1::UpdateNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let namespace = request.into_inner().namespace.unwrap();
        let mut state = self.0.lock().unwrap();
        Ok(put(
            &mut state.namespaces,
            last(&namespace.name).to_owned(),
            namespace,
        ))
    }

    async fn delete_namespace(
        &self,
        request: Request<v1::DeleteNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let name = request.into_inner().name;
        let removed = self.0.lock().unwrap().namespaces.remove(last(&name));
        removed
            .map(Response::new)
            .ok_or_else(|| not_found("namespaces", &name))
    }

    async fn watch_namespaces(
        &self,
        _: Request<v1::WatchNamespacesRequest>,
    ) -> Result<Response<Self::WatchNamespacesStream>, Status> {
        unused()
    }
}
