//! NamespaceAPI.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use portolan_allocator::{Action, DeleteMode, NamespaceField, NamespaceParams, Operation, PutMode};
use portolan_model::{Object, State, Violations};
use portolan_proto::convert::{meta, name, namespace};
use portolan_proto::v1;
use portolan_proto::v1::namespace_api_server::NamespaceApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::context::{context, expected_uid, optional, respond};
use crate::listing::{Arguments, Listing, filter};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

/// What a mask can name.
static TABLE: Table<v1::Namespace, NamespaceField, NamespaceParams> = Table {
    message: "portolan.v1.Namespace",
    field: "namespace",
    params: |sent, fields, v| Some(params(sent, fields, v)),
    check: |_, _| (),
    rows: &[
        ("labels", NamespaceField::Labels, |n| !n.labels.is_empty()),
        ("annotations", NamespaceField::Annotations, |n| {
            !n.annotations.is_empty()
        }),
        ("spec.quota.services", NamespaceField::Services, |n| {
            quota(n, |quota| quota.services)
        }),
        ("spec.quota.node_ports", NamespaceField::NodePorts, |n| {
            quota(n, |quota| quota.node_ports)
        }),
        (
            "spec.quota.load_balancers",
            NamespaceField::LoadBalancers,
            |n| quota(n, |quota| quota.load_balancers),
        ),
        ("spec.quota.endpoints", NamespaceField::Endpoints, |n| {
            quota(n, |quota| quota.endpoints)
        }),
        (
            "spec.endpoint_ranges",
            NamespaceField::EndpointRanges,
            |n| {
                let ranges = n.spec.as_ref().map(|spec| &spec.endpoint_ranges);
                ranges.is_some_and(|ranges| !ranges.is_empty())
            },
        ),
    ],
};

/// Whether a quota is populated.
fn quota(namespace: &v1::Namespace, of: impl Fn(&v1::NamespaceQuota) -> Option<i32>) -> bool {
    let spec = namespace.spec.as_ref();
    let quota = spec.and_then(|spec| spec.quota.as_ref());
    quota.is_some_and(|quota| of(quota).is_some())
}

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
            let params = params(&sent, NamespaceField::ALL.into(), v);
            let action = Action::PutNamespace {
                name: id?,
                params,
                mode: PutMode::Create,
            };
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
            let etag = optional(&sent.etag);
            let mode = PutMode::Update {
                allow_missing: m.allow_missing,
                etag,
                expected_uid: expected_uid(&m.expected_uid, v),
            };
            let context = context(
                "UpdateNamespace",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let asked = TABLE.asked(m.update_mask.as_ref(), sent, v);
            let (target, asked) = (target?, asked?);
            let (cluster, name) = (target.cluster.clone(), target.key.clone());
            let stored = move |state: &State| {
                let found = state.namespace(&name)?;
                Some(namespace::to_wire(cluster.as_str(), state, found))
            };
            let action = asked.action(stored, move |params| Action::PutNamespace {
                name: target.key.clone(),
                params,
                mode: mode.clone(),
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
            let mode = DeleteMode {
                allow_missing: m.allow_missing,
                etag: optional(&m.etag),
                expected_uid: expected_uid(&m.expected_uid, v),
            };
            let context = context(
                "DeleteNamespace",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let target = target?;
            let action = Action::DeleteNamespace {
                name: target.key,
                force: m.force,
                mode,
            };
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
fn params(
    sent: &v1::Namespace,
    fields: BTreeSet<NamespaceField>,
    violations: &mut Violations,
) -> NamespaceParams {
    let spec = sent.spec.as_ref();
    let spec = spec.map(|spec| namespace::spec("namespace.spec", spec, violations));
    NamespaceParams {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec: spec.unwrap_or_default(),
        fields,
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
