//! ServiceCidrAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, Operation, ServiceCidrAction, Verb};
use portolan_model::{Object, ServiceCidr, State};
use portolan_proto::convert::{meta, name, service_cidr};
use portolan_proto::v1;
use portolan_proto::v1::service_cidr_api_server::ServiceCidrApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::conditions::service_cidr_conditions;
use crate::context::{context, preconditions, respond};
use crate::listing::{Arguments, Listing, filter};
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

#[tonic::async_trait]
impl ServiceCidrApi for Api {
    type WatchServiceCidrsStream = WatchStream<v1::WatchServiceCidrsResponse>;

    async fn create_service_cidr(
        &self,
        request: Request<v1::CreateServiceCidrRequest>,
    ) -> Result<Response<v1::ServiceCidr>, Status> {
        let m = request.get_ref();
        let (parent, operation) = parse(|v| {
            let parent = name::cluster("parent", &m.parent, v);
            let id = name::new_label("service_cidr_id", &m.service_cidr_id, v);
            let context = context(
                "CreateServiceCidr",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let sent = required("service_cidr", m.service_cidr.as_ref(), v)?;
            let spec = required("service_cidr.spec", sent.spec.as_ref(), v)?;
            let cidrs = service_cidr::cidrs("service_cidr.spec.cidrs", &spec.cidrs, v);
            let action = Action::ServiceCidr(ServiceCidrAction::Create { name: id?, cidrs });
            Some((parent?, Operation { action, context }))
        })?;
        let access = self.cluster(&parent)?;
        let outcome = access.submit(operation).await?;
        let Some(Object::ServiceCidr(created)) = outcome.objects.first() else {
            return Err(not_found(
                "the ServiceCIDR that an earlier request with this request_id wrote",
            ));
        };
        let state = access.state();
        Ok(respond(
            wire(parent.as_str(), &state, created),
            outcome.verb,
        ))
    }

    async fn get_service_cidr(
        &self,
        request: Request<v1::GetServiceCidrRequest>,
    ) -> Result<Response<v1::ServiceCidr>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_cluster("name", &m.name, "serviceCidrs", v))?;
        let state = self
            .cluster(&asked.cluster)?
            .state_at(m.min_revision)
            .await?;
        let found = state
            .service_cidr(&asked.key)
            .ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(wire(asked.cluster.as_str(), &state, found)))
    }

    async fn list_service_cidrs(
        &self,
        request: Request<v1::ListServiceCidrsRequest>,
    ) -> Result<Response<v1::ListServiceCidrsResponse>, Status> {
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
            let parent = name::cluster("parent", &m.parent, v);
            Some((parent?, listing?))
        })?;
        let access = self.cluster(&parent)?;
        let state = listing.state(&access, m.min_revision).await?;
        let (found, next_page_token) = listing.page(&state, None);
        let service_cidrs = found
            .iter()
            .map(|s| wire(parent.as_str(), &state, s))
            .collect();
        Ok(Response::new(v1::ListServiceCidrsResponse {
            service_cidrs,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn delete_service_cidr(
        &self,
        request: Request<v1::DeleteServiceCidrRequest>,
    ) -> Result<Response<v1::ServiceCidr>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_cluster("name", &m.name, "serviceCidrs", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions(&m.etag, &m.expected_uid, v),
            };
            let context = context(
                "DeleteServiceCidr",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::ServiceCidr(ServiceCidrAction::Delete {
                name: target.key,
                drain: m.drain,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        let access = self.cluster(&cluster)?;
        let outcome = access.submit(operation).await?;
        let state = access.state();
        let mut message = match outcome.objects.first() {
            Some(Object::ServiceCidr(last)) => wire(cluster.as_str(), &state, last),
            _ => v1::ServiceCidr {
                name: m.name.clone(),
                ..v1::ServiceCidr::default()
            },
        };
        // One that drains is still there.
        let stays = matches!(outcome.verb, Verb::Configured | Verb::Unchanged);
        if !stays || outcome.objects.is_empty() {
            message.revision = outcome.revision.0;
            message.delete_time = Some(meta::timestamp(access.clock.now()));
        }
        Ok(respond(message, outcome.verb))
    }

    async fn watch_service_cidrs(
        &self,
        request: Request<v1::WatchServiceCidrsRequest>,
    ) -> Result<Response<Self::WatchServiceCidrsStream>, Status> {
        let m = request.into_inner();
        let (parent, filter) = parse(|v| {
            let filter = filter(&m.filter, v);
            name::cluster("parent", &m.parent, v).map(|parent| (parent, filter))
        })?;
        let access = self.cluster(&parent)?;
        let scope = Scope {
            namespace: None,
            filter,
        };
        let events = watch(&access, self.stopping(), scope, m.from_revision).await?;
        let stream = events.map(move |event| {
            let event = event?;
            let (r#type, revision) = event.words();
            let service_cidr = event.object.as_ref().map(|s| {
                let state = access.state();
                wire(parent.as_str(), &state, s)
            });
            Ok(v1::WatchServiceCidrsResponse {
                r#type,
                service_cidr,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

fn wire(cluster: &str, state: &State, found: &ServiceCidr) -> v1::ServiceCidr {
    let mut message = service_cidr::to_wire(cluster, state, found);
    if let Some(status) = &mut message.status {
        status.conditions = service_cidr_conditions(state, found);
    }
    message
}
