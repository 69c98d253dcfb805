//! WorkloadAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, Operation, Params, Put, Write};
use portolan_model::{Object, Scoped, State, Violations, Workload, WorkloadSpec, validate};
use portolan_proto::convert::{meta, name, workload};
use portolan_proto::v1;
use portolan_proto::v1::workload_api_server::WorkloadApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::conditions::workload_status;
use crate::context::{context, preconditions, respond};
use crate::listing::{Arguments, Listing, filter};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

/// What a mask can name.
static TABLE: Table<v1::Workload, WorkloadSpec> = Table {
    message: "portolan.v1.Workload",
    field: "workload",
    open: &["spec"],
    inwards: params,
    outwards: |params| v1::Workload {
        labels: params.labels.clone(),
        annotations: params.annotations.clone(),
        spec: Some(workload::spec_to_wire(&params.spec)),
        ..v1::Workload::default()
    },
    check,
};

#[tonic::async_trait]
impl WorkloadApi for Api {
    type WatchWorkloadsStream = WatchStream<v1::WatchWorkloadsResponse>;

    async fn create_workload(
        &self,
        request: Request<v1::CreateWorkloadRequest>,
    ) -> Result<Response<v1::Workload>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let parent = name::namespace("parent", &m.parent, v);
            let id = name::new_subdomain("workload_id", &m.workload_id, v);
            let sent = required("workload", m.workload.as_ref(), v);
            let params = sent.map(|sent| params(sent, v));
            if let Some(params) = &params {
                check(params, v);
            }
            let context = context(
                "CreateWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let parent = parent?;
            let action = Action::Workload(Write::Put {
                key: Scoped::new(parent.key, id?),
                put: Put::Create(params?),
            });
            Some((parent.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn get_workload(
        &self,
        request: Request<v1::GetWorkloadRequest>,
    ) -> Result<Response<v1::Workload>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_namespace("name", &m.name, "workloads", v))?;
        let access = self.cluster(&asked.cluster)?;
        let state = access.state_at(m.min_revision).await?;
        let found = state
            .workload(&asked.key)
            .ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(wire(&access, &state, found)))
    }

    async fn list_workloads(
        &self,
        request: Request<v1::ListWorkloadsRequest>,
    ) -> Result<Response<v1::ListWorkloadsResponse>, Status> {
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
        let workloads = found
            .iter()
            .map(|workload| wire(&access, &state, workload))
            .collect();
        Ok(Response::new(v1::ListWorkloadsResponse {
            workloads,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn update_workload(
        &self,
        request: Request<v1::UpdateWorkloadRequest>,
    ) -> Result<Response<v1::Workload>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let sent = required("workload", m.workload.as_ref(), v)?;
            let target = name::in_namespace("workload.name", &sent.name, "workloads", v);
            let preconditions = preconditions(&sent.etag, &m.expected_uid, v);
            let context = context(
                "UpdateWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let put = Put::Update {
                update: TABLE.update(m.update_mask.as_ref(), sent, preconditions, v),
                allow_missing: m.allow_missing,
            };
            let target = target?;
            let action = Action::Workload(Write::Put {
                key: target.key,
                put,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn delete_workload(
        &self,
        request: Request<v1::DeleteWorkloadRequest>,
    ) -> Result<Response<v1::Workload>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_namespace("name", &m.name, "workloads", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions(&m.etag, &m.expected_uid, v),
            };
            let context = context(
                "DeleteWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::Workload(Write::Delete {
                key: target.key,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, Some(&m.name)).await
    }

    async fn watch_workloads(
        &self,
        request: Request<v1::WatchWorkloadsRequest>,
    ) -> Result<Response<Self::WatchWorkloadsStream>, Status> {
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
        let stream = events.map(move |event| {
            let event = event?;
            let (r#type, revision) = event.words();
            let workload = event
                .object
                .as_ref()
                .map(|workload| wire(&access, &access.state(), workload));
            Ok(v1::WatchWorkloadsResponse {
                r#type,
                workload,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

fn wire(access: &Cluster, state: &State, workload: &Workload) -> v1::Workload {
    let status = workload_status(state, workload);
    v1::Workload {
        status: Some(status),
        ..workload::to_wire(access.name(), workload)
    }
}

/// What a write asks for.
fn params(sent: &v1::Workload, violations: &mut Violations) -> Params<WorkloadSpec> {
    let default = v1::WorkloadSpec::default();
    let spec = sent.spec.as_ref().unwrap_or(&default);
    let spec = workload::spec("workload.spec", spec, violations);
    validate::labels("workload.labels", &sent.labels, violations);
    validate::annotations("workload.annotations", &sent.annotations, violations);
    Params {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec,
    }
}

/// Checks what is created as a whole, so that everything that is wrong comes back at once.
fn check(params: &Params<WorkloadSpec>, violations: &mut Violations) {
    validate::workload("workload.spec", &params.spec, violations);
}

async fn write(
    access: &Cluster,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Workload>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Workload(workload)), None) => wire(access, &access.state(), workload),
        (Some(Object::Workload(workload)), Some(_)) => workload::to_wire(access.name(), workload),
        (_, Some(name)) => v1::Workload {
            name: name.to_owned(),
            ..v1::Workload::default()
        },
        (_, None) => {
            return Err(not_found(
                "the workload that an earlier request with this request_id wrote",
            ));
        }
    };
    if gone.is_some() {
        message.revision = outcome.revision.0;
        message.delete_time = Some(meta::timestamp(access.clock.now()));
    }
    Ok(respond(message, outcome.verb))
}
