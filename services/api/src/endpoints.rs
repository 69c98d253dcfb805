//! EndpointAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, EndpointAction, EndpointParams, Operation};
use portolan_model::{Endpoint, Name, Object, Scoped, Violations};
use portolan_proto::convert::{endpoint, meta, name};
use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_server::EndpointApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::context::{context, preconditions, respond};
use crate::listing::{Arguments, Listing, filter};
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

#[tonic::async_trait]
impl EndpointApi for Api {
    type WatchEndpointsStream = WatchStream<v1::WatchEndpointsResponse>;

    async fn get_endpoint(
        &self,
        request: Request<v1::GetEndpointRequest>,
    ) -> Result<Response<v1::Endpoint>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_namespace("name", &m.name, "endpoints", v))?;
        let state = self
            .cluster(&asked.cluster)?
            .state_at(m.min_revision)
            .await?;
        let found = state
            .endpoint(&asked.key)
            .ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(endpoint::to_wire(
            asked.cluster.as_str(),
            found,
        )))
    }

    async fn list_endpoints(
        &self,
        request: Request<v1::ListEndpointsRequest>,
    ) -> Result<Response<v1::ListEndpointsResponse>, Status> {
        let m = request.get_ref();
        let (parent, listing) = parse(|v| {
            let asked = Arguments {
                page_size: m.page_size,
                page_token: &m.page_token,
                filter: &m.filter,
                order_by: &m.order_by,
                others: &[&m.parent, &m.service],
            };
            let listing = Listing::new(&asked, v);
            let parent = name::namespaces("parent", &m.parent, v);
            Some((parent?, listing?))
        })?;
        let access = self.cluster(&parent.cluster)?;
        let state = listing.state(&access, m.min_revision).await?;
        let (found, next_page_token) = match &parent.key {
            _ if m.service.is_empty() => listing.page(&state, parent.key.as_ref()),
            // Of one Service: its own index, so that the answer costs what it holds.
            Some(namespace) => {
                let name = Name::trusted(m.service.as_str());
                let service = state.service(&Scoped::new(namespace.clone(), name));
                let all = service
                    .into_iter()
                    .flat_map(|service| state.endpoints_of(service));
                listing.page_of(&state, all)
            }
            None => {
                let all = state.endpoints_after(None, None);
                listing.page_of(&state, all.filter(|e| e.service.as_str() == m.service))
            }
        };
        let endpoints = found
            .iter()
            .map(|e| endpoint::to_wire(parent.cluster.as_str(), e))
            .collect();
        Ok(Response::new(v1::ListEndpointsResponse {
            endpoints,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn replace_endpoints(
        &self,
        request: Request<v1::ReplaceEndpointsRequest>,
    ) -> Result<Response<v1::ReplaceEndpointsResponse>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let service = name::in_namespace("service", &m.service, "services", v);
            let endpoints = params(&m.endpoints, v);
            let context = context(
                "ReplaceEndpoints",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let service = service?;
            let action = Action::Endpoint(EndpointAction::Replace {
                service: service.key,
                source: m.source.clone(),
                endpoints,
            });
            Some((service.cluster, Operation { action, context }))
        })?;
        let outcome = self.cluster(&cluster)?.submit(operation).await?;
        let endpoints = outcome.objects.iter().filter_map(as_endpoint);
        let endpoints = endpoints
            .map(|e| endpoint::to_wire(cluster.as_str(), e))
            .collect();
        Ok(respond(
            v1::ReplaceEndpointsResponse {
                endpoints,
                revision: outcome.revision.0,
            },
            outcome.verb,
        ))
    }

    async fn delete_endpoint(
        &self,
        request: Request<v1::DeleteEndpointRequest>,
    ) -> Result<Response<v1::Endpoint>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_namespace("name", &m.name, "endpoints", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions("", &m.expected_uid, v),
            };
            let context = context(
                "DeleteEndpoint",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::Endpoint(EndpointAction::Delete {
                key: target.key,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        let access = self.cluster(&cluster)?;
        let outcome = access.submit(operation).await?;
        let gone = outcome.objects.first().and_then(as_endpoint);
        let gone = gone.map_or_else(
            || v1::Endpoint {
                name: m.name.clone(),
                ..v1::Endpoint::default()
            },
            |e| endpoint::to_wire(cluster.as_str(), e),
        );
        let delete_time = Some(meta::timestamp(access.clock.now()));
        Ok(respond(
            v1::Endpoint {
                revision: outcome.revision.0,
                delete_time,
                ..gone
            },
            outcome.verb,
        ))
    }

    async fn watch_endpoints(
        &self,
        request: Request<v1::WatchEndpointsRequest>,
    ) -> Result<Response<Self::WatchEndpointsStream>, Status> {
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
            let endpoint = event
                .object
                .as_ref()
                .map(|e| endpoint::to_wire(parent.cluster.as_str(), e));
            Ok(v1::WatchEndpointsResponse {
                r#type,
                endpoint,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

fn as_endpoint(object: &Object) -> Option<&Endpoint> {
    match object {
        Object::Endpoint(endpoint) => Some(endpoint),
        _ => None,
    }
}

fn params(sent: &[v1::Endpoint], violations: &mut Violations) -> Vec<EndpointParams> {
    let mut params = Vec::with_capacity(sent.len());
    for (i, sent) in sent.iter().enumerate() {
        let field = format!("endpoints[{i}].spec");
        let Some(spec) = required(&field, sent.spec.as_ref(), violations) else {
            continue;
        };
        let Some(written) = endpoint::spec(&field, spec, violations) else {
            continue;
        };
        params.push(EndpointParams {
            address: written.address,
            ports: written.ports,
            node: written.node,
            zone: written.zone,
            hostname: written.hostname,
            ready: written.ready,
            serving: written.serving,
            terminating: written.terminating,
            weight: written.weight,
        });
    }
    params
}
