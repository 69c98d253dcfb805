//! ServiceAPI.

mod batch;

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, Operation, Params, Put, ServiceAction};
use portolan_model::{
    FieldPath, NodeReports, Object, Scoped, Service, ServiceSpec, State, Violations, validate,
};
use portolan_proto::convert::{meta, name, service};
use portolan_proto::v1;
use portolan_proto::v1::service_api_server::ServiceApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::conditions::service_status;
use crate::context::{context, preconditions, respond};
use crate::explain;
use crate::listing::{Arguments, Listing, filter};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::services::with_statuses;
use crate::watch::{Scope, WatchStream, watch};

/// What a mask can name.
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

#[tonic::async_trait]
impl ServiceApi for Api {
    type WatchServicesStream = WatchStream<v1::WatchServicesResponse>;

    async fn create_service(
        &self,
        request: Request<v1::CreateServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let m = request.get_ref();
        let (parent, operation) = parse(|v| {
            let parent = name::namespace("parent", &m.parent, v);
            let id = name::new_label("service_id", &m.service_id, v);
            let sent = required("service", m.service.as_ref(), v);
            let params = sent.map(|sent| params("service", sent, v));
            if let Some(params) = &params {
                check("service", params, v);
            }
            let context = context("CreateService", &request, &m.request_id, m.validate_only, v);
            let parent = parent?;
            let action = Action::Service(ServiceAction::Put {
                key: Scoped::new(parent.key, id?),
                put: Put::Create(params?),
            });
            Some((parent.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&parent)?, operation, None).await
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

    async fn get_service(
        &self,
        request: Request<v1::GetServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_namespace("name", &m.name, "services", v))?;
        let access = self.cluster(&asked.cluster)?;
        let state = access.state_at(m.min_revision).await?;
        let found = state
            .service(&asked.key)
            .ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(wire(
            &access,
            &state,
            &access.node_reports(),
            found,
        )))
    }

    async fn list_services(
        &self,
        request: Request<v1::ListServicesRequest>,
    ) -> Result<Response<v1::ListServicesResponse>, Status> {
        let m = request.get_ref();
        let (parent, listing) = parse(|v| {
            let asked = Arguments {
                page_size: m.page_size,
                page_token: &m.page_token,
                filter: &m.filter,
                order_by: &m.order_by,
                others: &[&m.parent],
            };
            let listing = Listing::new(&asked, v);
            let parent = name::namespaces("parent", &m.parent, v);
            Some((parent?, listing?))
        })?;
        let access = self.cluster(&parent.cluster)?;
        let state = listing.state(&access, m.min_revision).await?;
        let (found, next_page_token) = listing.page(&state, parent.key.as_ref());
        let runtime = access.node_reports();
        let services = found
            .iter()
            .map(|service| wire(&access, &state, &runtime, service))
            .collect();
        Ok(Response::new(v1::ListServicesResponse {
            services,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn update_service(
        &self,
        request: Request<v1::UpdateServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let sent = required("service", m.service.as_ref(), v)?;
            let target = name::in_namespace("service.name", &sent.name, "services", v);
            let preconditions = preconditions(&sent.etag, &m.expected_uid, v);
            let context = context("UpdateService", &request, &m.request_id, m.validate_only, v);
            // Last, since what else is wrong decides what becomes of it.
            let put = Put::Update {
                update: TABLE.update(m.update_mask.as_ref(), sent, preconditions, v),
                allow_missing: m.allow_missing,
            };
            let target = target?;
            let action = Action::Service(ServiceAction::Put {
                key: target.key,
                put,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn delete_service(
        &self,
        request: Request<v1::DeleteServiceRequest>,
    ) -> Result<Response<v1::Service>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_namespace("name", &m.name, "services", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions(&m.etag, &m.expected_uid, v),
            };
            let context = context("DeleteService", &request, &m.request_id, m.validate_only, v);
            let target = target?;
            let action = Action::Service(ServiceAction::Delete {
                key: target.key,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, Some(&m.name)).await
    }

    async fn watch_services(
        &self,
        request: Request<v1::WatchServicesRequest>,
    ) -> Result<Response<Self::WatchServicesStream>, Status> {
        let m = request.into_inner();
        let (parent, filter) = parse(|v| {
            let filter = filter(&m.filter, v);
            name::namespaces("parent", &m.parent, v).map(|parent| (parent, filter))
        })?;
        let access = self.cluster(&parent.cluster)?;
        let scope = Scope {
            namespace: parent.key,
            filter,
        };
        let events = watch(&access, self.stopping(), scope, m.from_revision).await?;
        Ok(Response::new(with_statuses(access, events).boxed()))
    }

    async fn explain_service(
        &self,
        request: Request<v1::ExplainServiceRequest>,
    ) -> Result<Response<v1::ExplainServiceResponse>, Status> {
        explain::service(self, request.get_ref())
            .await
            .map(Response::new)
    }
}

/// A Service as clients see it: with its status.
pub(crate) fn wire(
    access: &Cluster,
    state: &State,
    reports: &NodeReports,
    service: &Service,
) -> v1::Service {
    let status = service_status(state, service, reports);
    v1::Service {
        status: Some(status),
        ..service::to_wire(access.name(), service)
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
    Params {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec,
    }
}

/// Has a write done. `gone` is the name that a delete answers with when there is nothing left to show.
async fn write(
    access: &Cluster,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Service>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Service(service)), None) => {
            let state = access.state();
            wire(access, &state, &access.node_reports(), service)
        }
        (Some(Object::Service(service)), Some(_)) => service::to_wire(access.name(), service),
        (_, Some(name)) => v1::Service {
            name: name.to_owned(),
            ..v1::Service::default()
        },
        (_, None) => {
            return Err(not_found(
                "the Service that an earlier request with this request_id wrote",
            ));
        }
    };
    if gone.is_some() {
        message.revision = outcome.revision.0;
        message.delete_time = Some(meta::timestamp(access.clock.now()));
    }
    message.warnings = outcome.warnings;
    Ok(respond(message, outcome.verb))
}
