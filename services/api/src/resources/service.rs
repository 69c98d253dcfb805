//! ServiceAPI.

mod batch;

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, Params, Put, ServiceAction};
use portolan_model::{FieldPath, Name, Scoped, Service, ServiceSpec, Violations, validate};
use portolan_proto::convert::{name, service};
use portolan_proto::v1;
use portolan_proto::v1::service_api_server::ServiceApi;
use tonic::{Request, Response, Status};

use super::rpcs::rpcs;
use crate::conditions::service_status;
use crate::explain;
use crate::mask::Table;
use crate::resource::read::{self, Watched};
use crate::resource::{Exposed, View, Written, params as shared_params};
use crate::watch::services::with_statuses;

impl Exposed for Service {
    type Message = v1::Service;

    fn shown(&self, view: &View<'_>) -> v1::Service {
        v1::Service {
            status: Some(service_status(view.state, self, view.reports())),
            ..service::to_wire(view.cluster.name(), self)
        }
    }
}

impl Written for Service {
    fn table() -> &'static Table<v1::Service, ServiceSpec> {
        static TABLE: Table<v1::Service, ServiceSpec> = Table {
            message: "portolan.v1.Service",
            field: "service",
            open: &["spec"],
            inwards: |sent, v| params("service", sent, v),
            outwards: |params| v1::Service {
                labels: params.labels.clone(),
                annotations: params.annotations.clone(),
                spec: Some(service::spec_to_wire(&params.spec)),
                ..v1::Service::default()
            },
            check: |params, v| check("service", params, v),
        };
        &TABLE
    }

    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_label(field, text, violations)
    }

    fn put(key: Scoped, put: Put<ServiceSpec>) -> Action {
        Action::Service(ServiceAction::Put { key, put })
    }
}

fn deletion(key: Scoped, delete: Delete) -> Action {
    Action::Service(ServiceAction::Delete { key, delete })
}

rpcs! {
    ServiceApi: Service, service, services;
    get get_service(GetServiceRequest) -> Service;
    list list_services(ListServicesRequest) -> ListServicesResponse;
    create create_service(CreateServiceRequest, service_id) -> Service;
    update update_service(UpdateServiceRequest) -> Service;
    delete delete_service(DeleteServiceRequest) -> Service;
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
            };
            let (cluster, events) = read::events(self, &asked).await?;
            Ok(Response::new(with_statuses(cluster, events).boxed()))
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

/// Checks what is created as a whole, so that everything that is wrong comes back at once. What is updated is checked
/// when it is decided, unless it is refused anyway: only then is known what goes because it no longer applies, such as
/// node ports of a `ClusterIP`.
fn check(field: impl FieldPath, params: &Params<ServiceSpec>, violations: &mut Violations) {
    validate::service(format_args!("{field}.spec"), &params.spec, violations);
}

/// What a write asks for.
fn params(
    field: impl FieldPath,
    sent: &v1::Service,
    violations: &mut Violations,
) -> Params<ServiceSpec> {
    let default = v1::ServiceSpec::default();
    let spec = service::spec(
        format_args!("{field}.spec"),
        sent.spec.as_ref().unwrap_or(&default),
        violations,
    );
    validate::labels(format_args!("{field}.labels"), &sent.labels, violations);
    validate::annotations(
        format_args!("{field}.annotations"),
        &sent.annotations,
        violations,
    );
    shared_params(sent, spec)
}
