//! NamespaceAPI.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use portolan_allocator::{Action, DeleteMode, NamespaceField, NamespaceParams, Operation, PutMode};
use portolan_model::{Kind, Name, NamespaceSpec, Object, Violations};
use portolan_proto::convert::{meta, name, namespace};
use portolan_proto::v1;
use portolan_proto::v1::namespace_api_server::NamespaceApi;
use tonic::{Request, Response, Status};

use crate::access::{Api, ClusterAccess};
use crate::context::{context, optional, respond};
use crate::mask;
use crate::paging::Page;
use crate::shape::{event_words, not_found, parse, required};
use crate::watch::{WatchStream, watch};

/// What a mask can name.
const FIELDS: [(&str, NamespaceField); 7] = [
    ("labels", NamespaceField::Labels),
    ("annotations", NamespaceField::Annotations),
    ("spec.quota.services", NamespaceField::Services),
    ("spec.quota.node_ports", NamespaceField::NodePorts),
    ("spec.quota.load_balancers", NamespaceField::LoadBalancers),
    ("spec.quota.endpoints", NamespaceField::Endpoints),
    ("spec.endpoint_ranges", NamespaceField::EndpointRanges),
];

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
            let params = params(m.namespace.as_ref(), None, v);
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
        let (parent, page) = parse(|v| {
            let page = Page::new(m.page_size, &m.page_token, &["namespaces", &m.parent], v);
            name::cluster("parent", &m.parent, v).map(|parent| (parent, page))
        })?;
        let state = self.cluster(&parent)?.state_at(m.min_revision).await?;
        let after = page.after.clone().map(Name::trusted);
        let found = state
            .namespaces()
            .filter(|n| after.as_ref().is_none_or(|after| n.meta.name > *after));
        let (found, next_page_token) = page.cut(found, |namespace| namespace.meta.name.to_string());
        let namespaces = found
            .into_iter()
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
                expected_uid: None,
            };
            let context = context(
                "UpdateNamespace",
                &request,
                &m.request_id,
                m.validate_only,
                v,
            );
            let params = params(Some(sent), m.update_mask.as_ref(), v);
            let target = target?;
            let action = Action::PutNamespace {
                name: target.key,
                params,
                mode,
            };
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
                expected_uid: None,
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
        let parent = parse(|v| name::cluster("parent", &m.parent, v))?;
        let access = self.cluster(&parent)?;
        let events = watch(&access, Kind::Namespace, None, m.from_revision).await?;
        let stream = events.map(move |event| {
            let event = event?;
            let namespace = match &event.object {
                Some(Object::Namespace(namespace)) => {
                    let state = access.allocator.cache().state();
                    Some(namespace::to_wire(parent.as_str(), &state, namespace))
                }
                _ => None,
            };
            let (r#type, revision) = event_words(&event);
            Ok(v1::WatchNamespacesResponse {
                r#type,
                namespace,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }
}

/// What a write asks for. Without a mask it means the fields that are populated.
fn params(
    sent: Option<&v1::Namespace>,
    mask: Option<&prost_types::FieldMask>,
    violations: &mut Violations,
) -> NamespaceParams {
    let default = v1::Namespace::default();
    let sent = sent.unwrap_or(&default);
    let spec = sent.spec.as_ref();
    let spec = spec
        .map(|spec| namespace::spec("namespace.spec", spec, violations))
        .unwrap_or_default();
    let fields = mask::named(mask, &FIELDS, violations).unwrap_or_else(|| populated(sent, &spec));
    NamespaceParams {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec,
        fields,
    }
}

fn populated(sent: &v1::Namespace, spec: &NamespaceSpec) -> BTreeSet<NamespaceField> {
    let quota = &spec.quota;
    let given = [
        (NamespaceField::Labels, !sent.labels.is_empty()),
        (NamespaceField::Annotations, !sent.annotations.is_empty()),
        (NamespaceField::Services, quota.services.is_some()),
        (NamespaceField::NodePorts, quota.node_ports.is_some()),
        (
            NamespaceField::LoadBalancers,
            quota.load_balancers.is_some(),
        ),
        (NamespaceField::Endpoints, quota.endpoints.is_some()),
        (
            NamespaceField::EndpointRanges,
            !spec.endpoint_ranges.is_empty(),
        ),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    given.map(|(field, _)| field).collect()
}

async fn write(
    access: &ClusterAccess,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Namespace>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Namespace(namespace)), _) => {
            let state = access.allocator.cache().state();
            namespace::to_wire(access.cluster(), &state, namespace)
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
        message.delete_time = Some(meta::now());
    }
    Ok(respond(message, outcome.verb))
}
