//! WorkloadAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, DeleteMode, Operation, PutMode, WorkloadParams};
use portolan_model::{Kind, Object, Scoped, State, Violations, Workload, validate};
use portolan_proto::convert::{meta, name, workload};
use portolan_proto::v1;
use portolan_proto::v1::workload_api_server::WorkloadApi;
use tonic::{Request, Response, Status};

use crate::access::{Api, ClusterAccess};
use crate::conditions::workload_status;
use crate::context::{context, optional, respond};
use crate::paging::Page;
use crate::shape::{event_words, not_found, parse, required};
use crate::watch::{WatchStream, watch};

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
            let params = params(m.workload.as_ref(), v);
            let context = context(
                "CreateWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let (parent, mode) = (parent?, PutMode::Create);
            let key = Scoped::new(parent.key, id?);
            Some((
                parent.cluster,
                Operation {
                    action: Action::PutWorkload {
                        key,
                        params: params?,
                        mode,
                    },
                    context,
                },
            ))
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
        let (parent, page) = parse(|v| {
            let page = Page::new(m.page_size, &m.page_token, &["workloads", &m.parent], v);
            name::namespaces("parent", &m.parent, v).map(|parent| (parent, page))
        })?;
        let access = self.cluster(&parent.cluster)?;
        let state = access.state_at(m.min_revision).await?;
        let found = state.workloads_after(parent.key.as_ref(), page.after_scoped().as_ref());
        let (found, next_page_token) = page.cut(found, |workload| workload.key().to_string());
        let workloads = found
            .into_iter()
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
            let params = params(Some(sent), v);
            let etag = optional(&sent.etag);
            let mode = PutMode::Update {
                allow_missing: m.allow_missing,
                etag,
                expected_uid: None,
            };
            let context = context(
                "UpdateWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let (target, params) = (target?, params?);
            Some((
                target.cluster,
                Operation {
                    action: Action::PutWorkload {
                        key: target.key,
                        params,
                        mode,
                    },
                    context,
                },
            ))
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
            let mode = DeleteMode {
                allow_missing: m.allow_missing,
                etag: optional(&m.etag),
                expected_uid: None,
            };
            let context = context(
                "DeleteWorkload",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            Some((
                target.cluster,
                Operation {
                    action: Action::DeleteWorkload {
                        key: target.key,
                        mode,
                    },
                    context,
                },
            ))
        })?;
        write(&self.cluster(&cluster)?, operation, Some(&m.name)).await
    }

    async fn watch_workloads(
        &self,
        request: Request<v1::WatchWorkloadsRequest>,
    ) -> Result<Response<Self::WatchWorkloadsStream>, Status> {
        let m = request.into_inner();
        let parent = parse(|v| name::namespaces("parent", &m.parent, v))?;
        let access = self.cluster(&parent.cluster)?;
        let events = watch(&access, Kind::Workload, parent.key, m.from_revision).await?;
        let stream = events.map(move |event| {
            let event = event?;
            let workload = match &event.object {
                Some(Object::Workload(workload)) => {
                    Some(wire(&access, &access.allocator.cache().state(), workload))
                }
                _ => None,
            };
            let (r#type, revision) = event_words(&event);
            Ok(v1::WatchWorkloadsResponse {
                r#type,
                workload,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

fn wire(access: &ClusterAccess, state: &State, workload: &Workload) -> v1::Workload {
    let status = workload_status(state, workload);
    v1::Workload {
        status: Some(status),
        ..workload::to_wire(access.cluster(), workload)
    }
}

fn params(sent: Option<&v1::Workload>, violations: &mut Violations) -> Option<WorkloadParams> {
    let sent = required("workload", sent, violations)?;
    let spec = required("workload.spec", sent.spec.as_ref(), violations)?;
    let spec = workload::spec("workload.spec", spec, violations);
    validate::labels("workload.labels", &sent.labels, violations);
    validate::annotations("workload.annotations", &sent.annotations, violations);
    validate::workload("workload.spec", &spec, violations);
    Some(WorkloadParams {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec,
    })
}

async fn write(
    access: &ClusterAccess,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Workload>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Workload(workload)), None) => {
            wire(access, &access.allocator.cache().state(), workload)
        }
        (Some(Object::Workload(workload)), Some(_)) => {
            workload::to_wire(access.cluster(), workload)
        }
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
        message.delete_time = Some(meta::now());
    }
    Ok(respond(message, outcome.verb))
}
