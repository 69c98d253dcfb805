//! EndpointAPI.

use std::sync::Arc;

use portolan_allocator::{Action, EndpointAction, EndpointParams, Operation};
use portolan_model::{Endpoint, Name, Noun, Scoped, Violations};
use portolan_proto::convert::{endpoint, name};
use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_server::EndpointApi;
use tonic::{Request, Response, Status};

use super::rpcs::{circumstances, rpcs};
use crate::api::Api;
use crate::context::{context, respond};
use crate::listing::{Arguments, Listing};
use crate::resource::{Exposed, View, message, write};
use crate::shape::{parse, required};

impl Exposed for Endpoint {
    type Message = v1::Endpoint;

    fn message(&self, cluster: &str) -> v1::Endpoint {
        endpoint::to_wire(cluster, self)
    }
}

message!(Endpoint in "endpoint");

rpcs! {
    EndpointApi: Endpoint, endpoint, endpoints;
    get get_endpoint(GetEndpointRequest) -> Endpoint;
    watch watch_endpoints(WatchEndpointsRequest) -> WatchEndpointsResponse;
    stream WatchEndpointsStream of WatchEndpointsResponse;
    more {
        async fn list_endpoints(
            &self,
            request: Request<v1::ListEndpointsRequest>,
        ) -> Result<Response<v1::ListEndpointsResponse>, Status> {
            list(self, request.get_ref()).await
        }

        async fn replace_endpoints(
            &self,
            request: Request<v1::ReplaceEndpointsRequest>,
        ) -> Result<Response<v1::ReplaceEndpointsResponse>, Status> {
            replace(self, &request).await
        }

        async fn delete_endpoint(
            &self,
            request: Request<v1::DeleteEndpointRequest>,
        ) -> Result<Response<v1::Endpoint>, Status> {
            let m = request.get_ref();
            // What has no specification of its own has no etag.
            let asked = write::Delete {
                name: &m.name,
                allow_missing: m.allow_missing,
                etag: "",
                expected_uid: &m.expected_uid,
            };
            let circumstances = circumstances!(DeleteEndpointRequest, request);
            let action = |key, delete| Action::Endpoint(EndpointAction::Delete { key, delete });
            write::delete::<Endpoint, _>(self, &asked, action, &circumstances).await
        }
    }
}

/// Of one Service if it is named, from its own index, so that the answer costs what it holds.
async fn list(
    api: &Api,
    m: &v1::ListEndpointsRequest,
) -> Result<Response<v1::ListEndpointsResponse>, Status> {
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
        if !m.service.is_empty() {
            name::new_label("service", &m.service, v);
        }
        Some((parent?, listing?))
    })?;
    let cluster = api.cluster(&parent.cluster)?;
    let state = listing.state(&cluster, m.min_revision).await?;
    let found = match &parent.key {
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
    let view = View::new(&cluster, &state);
    let shown = |endpoint: &Arc<Endpoint>| endpoint.shown(&view);
    let (endpoints, next_page_token) = listing.shown(state.revision(), &found, shown);
    Ok(Response::new(v1::ListEndpointsResponse {
        endpoints,
        next_page_token,
        revision: state.revision().0,
        store_id: cluster.store_id(),
    }))
}

async fn replace(
    api: &Api,
    request: &Request<v1::ReplaceEndpointsRequest>,
) -> Result<Response<v1::ReplaceEndpointsResponse>, Status> {
    let m = request.get_ref();
    let (cluster, operation) = parse(|v| {
        let service = name::in_namespace("service", &m.service, "services", v);
        let endpoints = params(&m.endpoints, v);
        let context = context(
            "ReplaceEndpoints",
            request,
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
    let outcome = api.cluster(&cluster)?.submit(operation).await?;
    let endpoints = outcome.objects.iter().filter_map(Endpoint::of);
    let endpoints = endpoints.map(|e| e.message(cluster.as_str())).collect();
    Ok(respond(
        v1::ReplaceEndpointsResponse {
            endpoints,
            revision: outcome.revision.0,
        },
        outcome.verb,
    ))
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
