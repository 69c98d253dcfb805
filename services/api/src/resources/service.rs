//! ServiceAPI.

mod batch;

use futures_util::StreamExt;
use portolan_allocator::{Action, Put, ServiceAction};
use portolan_model::{Scoped, Service, ServiceSpec, Violations, validate};
use portolan_proto::convert::service;
use portolan_proto::v1;
use portolan_proto::v1::service_api_server::ServiceApi;
use tonic::{Request, Response, Status};

use super::rpcs::rpcs;
use crate::conditions::service_status;
use crate::explain;
use crate::resource::read::{self, Watched};
use crate::resource::{Exposed, View, Written, message};
use crate::watch::services::with_statuses;

impl Exposed for Service {
    type Message = v1::Service;

    fn message(&self, cluster: &str) -> v1::Service {
        service::to_wire(cluster, self)
    }

    fn shown(&self, view: &View<'_>) -> v1::Service {
        v1::Service {
            status: Some(service_status(view.state, self, view.reports())),
            ..self.message(view.cluster.name())
        }
    }
}

message!(Service in "service", ServiceSpec; warnings);

impl Written for Service {
    fn read(field: &str, sent: &v1::ServiceSpec, violations: &mut Violations) -> ServiceSpec {
        service::spec(field, sent, violations)
    }

    fn write(spec: &ServiceSpec) -> v1::ServiceSpec {
        service::spec_to_wire(spec)
    }

    fn check(field: &str, spec: &ServiceSpec, violations: &mut Violations) {
        validate::service(field, spec, violations);
    }

    fn put(key: Scoped, put: Put<ServiceSpec>) -> Action {
        Action::Service(ServiceAction::Put { key, put })
    }
}

rpcs! {
    ServiceApi: Service, service, services;
    get get_service(GetServiceRequest) -> Service;
    list list_services(ListServicesRequest) -> ListServicesResponse;
    create create_service(CreateServiceRequest, service_id) -> Service;
    update update_service(UpdateServiceRequest) -> Service;
    delete delete_service(DeleteServiceRequest) -> Service
        by |key, delete| Action::Service(ServiceAction::Delete { key, delete });
    stream WatchServicesStream of WatchServicesResponse;
    more {
        async fn watch_services(
            &self,
            request: Request<v1::WatchServicesRequest>,
        ) -> Result<Response<Self::WatchServicesStream>, Status> {
            let m = request.get_ref();
            let asked = Watched {
                parent: &m.parent,
                filter: &m.filter,
                from_revision: m.from_revision,
                store_id: &m.store_id,
            };
            let followed = read::follow(self, &asked).await?;
            Ok(Response::new(with_statuses(followed, m.from_revision).await.boxed()))
        }

        async fn batch_create_services(
            &self,
            request: Request<v1::BatchCreateServicesRequest>,
        ) -> Result<Response<v1::BatchCreateServicesResponse>, Status> {
            batch::create(self, &request).await
        }

        async fn batch_get_services(
            &self,
            request: Request<v1::BatchGetServicesRequest>,
        ) -> Result<Response<v1::BatchGetServicesResponse>, Status> {
            batch::get(self, request.get_ref()).await
        }

        async fn explain_service(
            &self,
            request: Request<v1::ExplainServiceRequest>,
        ) -> Result<Response<v1::ExplainServiceResponse>, Status> {
            let explained = explain::service(self, request.get_ref()).await;
            explained.map(Response::new)
        }
    }
}
