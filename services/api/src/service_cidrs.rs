//! ServiceCidrAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, DeleteMode, Operation, Verb};
use portolan_model::{Kind, Name, Object};
use portolan_proto::convert::{meta, name, service_cidr};
use portolan_proto::v1;
use portolan_proto::v1::service_cidr_api_server::ServiceCidrApi;
use tonic::{Request, Response, Status};

use crate::access::Api;
use crate::context::{context, optional, respond};
use crate::paging::Page;
use crate::shape::{event_words, not_found, parse, required};
use crate::watch::{WatchStream, watch};

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
            Some((
                parent?,
                Operation {
                    action: Action::CreateServiceCidr { name: id?, cidrs },
                    context,
                },
            ))
        })?;
        let access = self.cluster(&parent)?;
        let outcome = access.submit(operation).await?;
        let Some(Object::ServiceCidr(created)) = outcome.objects.first() else {
            return Err(not_found(
                "the ServiceCIDR that an earlier request with this request_id wrote",
            ));
        };
        let state = access.allocator.cache().state();
        Ok(respond(
            service_cidr::to_wire(parent.as_str(), &state, created),
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
        Ok(Response::new(service_cidr::to_wire(
            asked.cluster.as_str(),
            &state,
            found,
        )))
    }

    async fn list_service_cidrs(
        &self,
        request: Request<v1::ListServiceCidrsRequest>,
    ) -> Result<Response<v1::ListServiceCidrsResponse>, Status> {
        let m = request.get_ref();
        let (parent, page) = parse(|v| {
            let page = Page::new(m.page_size, &m.page_token, &["serviceCidrs", &m.parent], v);
            name::cluster("parent", &m.parent, v).map(|parent| (parent, page))
        })?;
        let state = self.cluster(&parent)?.state_at(m.min_revision).await?;
        let after = page.after.clone().map(Name::trusted);
        let found = state
            .service_cidrs()
            .filter(|s| after.as_ref().is_none_or(|after| s.meta.name > *after));
        let (found, next_page_token) =
            page.cut(found, |service_cidr| service_cidr.meta.name.to_string());
        let service_cidrs = found
            .into_iter()
            .map(|s| service_cidr::to_wire(parent.as_str(), &state, s))
            .collect();
        let revision = state.revision().0;
        Ok(Response::new(v1::ListServiceCidrsResponse {
            service_cidrs,
            next_page_token,
            revision,
        }))
    }

    async fn delete_service_cidr(
        &self,
        request: Request<v1::DeleteServiceCidrRequest>,
    ) -> Result<Response<v1::ServiceCidr>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_cluster("name", &m.name, "serviceCidrs", v);
            let mode = DeleteMode {
                allow_missing: m.allow_missing,
                etag: optional(&m.etag),
                expected_uid: None,
            };
            let context = context(
                "DeleteServiceCidr",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::DeleteServiceCidr {
                name: target.key,
                drain: m.drain,
                mode,
            };
            Some((target.cluster, Operation { action, context }))
        })?;
        let access = self.cluster(&cluster)?;
        let outcome = access.submit(operation).await?;
        let state = access.allocator.cache().state();
        let mut message = match outcome.objects.first() {
            Some(Object::ServiceCidr(last)) => {
                service_cidr::to_wire(cluster.as_str(), &state, last)
            }
            _ => v1::ServiceCidr {
                name: m.name.clone(),
                ..v1::ServiceCidr::default()
            },
        };
        // One that drains is still there.
        let stays = matches!(outcome.verb, Verb::Configured | Verb::Unchanged);
        if !stays || outcome.objects.is_empty() {
            message.revision = outcome.revision.0;
            message.delete_time = Some(meta::now());
        }
        Ok(respond(message, outcome.verb))
    }

    async fn watch_service_cidrs(
        &self,
        request: Request<v1::WatchServiceCidrsRequest>,
    ) -> Result<Response<Self::WatchServiceCidrsStream>, Status> {
        let m = request.into_inner();
        let parent = parse(|v| name::cluster("parent", &m.parent, v))?;
        let access = self.cluster(&parent)?;
        let events = watch(&access, Kind::ServiceCidr, None, m.from_revision).await?;
        let stream = events.map(move |event| {
            let event = event?;
            let service_cidr = match &event.object {
                Some(Object::ServiceCidr(service_cidr)) => {
                    let state = access.allocator.cache().state();
                    Some(service_cidr::to_wire(parent.as_str(), &state, service_cidr))
                }
                _ => None,
            };
            let (r#type, revision) = event_words(&event);
            Ok(v1::WatchServiceCidrsResponse {
                r#type,
                service_cidr,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}
