//! NamespaceAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, NamespaceAction, Operation, Params, Put};
use portolan_model::{NamespaceSpec, Object, Violations};
use portolan_proto::convert::{meta, name, namespace};
use portolan_proto::v1;
use portolan_proto::v1::namespace_api_server::NamespaceApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::context::{context, preconditions, respond};
use crate::listing::{Arguments, Listing, filter};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

/// What a mask can name.
static TABLE: Table<v1::Namespace, NamespaceSpec> = Table {
    message: "portolan.v1.Namespace",
    field: "namespace",
    open: &["spec", "spec.quota"],
    inwards: params,
    outwards: |params| v1::Namespace {
        labels: params.labels.clone(),
        annotations: params.annotations.clone(),
        spec: Some(namespace::spec_to_wire(&params.spec)),
        ..v1::Namespace::default()
    },
    check: |_, _| (),
};

#[tonic::async_trait]
impl NamespaceApi for Api {
    type WatchNamespacesStream = WatchStream<v1::WatchNamespacesResponse>;

    async fn create_namespace(
        &self,
        request: Request<v1::CreateNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let parent = name::cluster("parent", &m.parent, v);
            let id = name::new_label("namespace_id", &m.namespace_id, v);
            let context = context(
                "CreateNamespace",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            // Every field has a default, so all of it may be left out.
            let sent = m.namespace.clone().unwrap_or_default();
            let params = params(&sent, v);
            let action = Action::Namespace(NamespaceAction::Put {
                name: id?,
                put: Put::Create(params),
            });
            Some((parent?, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn get_namespace(
        &self,
        request: Request<v1::GetNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_cluster("name", &m.name, "namespaces", v))?;
        let state = self
            .cluster(&asked.cluster)?
            .state_at(m.min_revision)
            .await?;
        let found = state
            .namespace(&asked.key)
            .ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(namespace::to_wire(
            asked.cluster.as_str(),
            &state,
            found,
        )))
    }

    async fn list_namespaces(
        &self,
        request: Request<v1::ListNamespacesRequest>,
    ) -> Result<Response<v1::ListNamespacesResponse>, Status> {
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
        let namespaces = found
            .iter()
            .map(|n| namespace::to_wire(parent.as_str(), &state, n))
            .collect();
        Ok(Response::new(v1::ListNamespacesResponse {
            namespaces,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn update_namespace(
        &self,
        request: Request<v1::UpdateNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let sent = required("namespace", m.namespace.as_ref(), v)?;
            let target = name::in_cluster("namespace.name", &sent.name, "namespaces", v);
            let preconditions = preconditions(&sent.etag, &m.expected_uid, v);
            let context = context(
                "UpdateNamespace",
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
            let action = Action::Namespace(NamespaceAction::Put {
                name: target.key,
                put,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn delete_namespace(
        &self,
        request: Request<v1::DeleteNamespaceRequest>,
    ) -> Result<Response<v1::Namespace>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v: &mut Violations| {
            let target = name::in_cluster("name", &m.name, "namespaces", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions(&m.etag, &m.expected_uid, v),
            };
            let context = context(
                "DeleteNamespace",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::Namespace(NamespaceAction::Delete {
                name: target.key,
                force: m.force,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, Some(&m.name)).await
    }

    async fn watch_namespaces(
        &self,
        request: Request<v1::WatchNamespacesRequest>,
    ) -> Result<Response<Self::WatchNamespacesStream>, Status> {
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
            let namespace = event.object.as_ref().map(|namespace| {
                let state = access.state();
                namespace::to_wire(parent.as_str(), &state, namespace)
            });
            Ok(v1::WatchNamespacesResponse {
                r#type,
                namespace,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

/// What a write asks for.
fn params(sent: &v1::Namespace, violations: &mut Violations) -> Params<NamespaceSpec> {
    let spec = sent.spec.as_ref();
    let spec = spec.map(|spec| namespace::spec("namespace.spec", spec, violations));
    Params {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec: spec.unwrap_or_default(),
    }
}

async fn write(
    access: &Cluster,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Namespace>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Namespace(namespace)), _) => {
            let state = access.state();
            namespace::to_wire(access.name(), &state, namespace)
        }
        (_, Some(name)) => v1::Namespace {
            name: name.to_owned(),
            ..v1::Namespace::default()
        },
        (_, None) => {
            return Err(not_found(
                "the namespace that an earlier request with this request_id wrote",
            ));
        }
    };
    if gone.is_some() {
        message.status = None;
        message.revision = outcome.revision.0;
        message.delete_time = Some(meta::timestamp(access.clock.now()));
    }
    Ok(respond(message, outcome.verb))
}
