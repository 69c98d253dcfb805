//! NodeAPI.

use futures_util::StreamExt;
use portolan_allocator::{Action, Delete, NodeAction, Operation, Params, Put};
use portolan_model::{Digest, Node, NodeReports, NodeSpec, Object, Violations, validate, view};
use portolan_proto::convert::{meta, name, node, view as wire_view};
use portolan_proto::v1;
use portolan_proto::v1::node_api_server::NodeApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::conditions::node_conditions;
use crate::context::{context, preconditions, respond};
use crate::explain;
use crate::listing::{Arguments, Listing, filter};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::{Scope, WatchStream, watch};

/// What a mask can name.
static TABLE: Table<v1::Node, NodeSpec> = Table {
    message: "portolan.v1.Node",
    field: "node",
    open: &["spec"],
    inwards: params,
    outwards: |params| v1::Node {
        labels: params.labels.clone(),
        annotations: params.annotations.clone(),
        spec: Some(node::spec_to_wire(&params.spec)),
        ..v1::Node::default()
    },
    check: |_, _| (),
};

#[tonic::async_trait]
impl NodeApi for Api {
    type WatchNodesStream = WatchStream<v1::WatchNodesResponse>;

    async fn create_node(
        &self,
        request: Request<v1::CreateNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let parent = name::cluster("parent", &m.parent, v);
            let id = name::new_subdomain("node_id", &m.node_id, v);
            let sent = required("node", m.node.as_ref(), v);
            let params = sent.map(|sent| params(sent, v));
            let context = context("CreateNode", &request, &m.request_id, m.validate_only, v);
            let action = Action::Node(NodeAction::Put {
                name: id?,
                put: Put::Create(params?),
            });
            Some((parent?, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn get_node(
        &self,
        request: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_cluster("name", &m.name, "nodes", v))?;
        let access = self.cluster(&asked.cluster)?;
        let state = access.state_at(m.min_revision).await?;
        let found = state.node(&asked.key).ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(wire(&access, &access.node_reports(), found)))
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
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
        let runtime = access.node_reports();
        let nodes = found
            .iter()
            .map(|node| wire(&access, &runtime, node))
            .collect();
        Ok(Response::new(v1::ListNodesResponse {
            nodes,
            next_page_token,
            revision: state.revision().0,
        }))
    }

    async fn update_node(
        &self,
        request: Request<v1::UpdateNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let sent = required("node", m.node.as_ref(), v)?;
            let target = name::in_cluster("node.name", &sent.name, "nodes", v);
            let preconditions = preconditions(&sent.etag, &m.expected_uid, v);
            let context = context("UpdateNode", &request, &m.request_id, m.validate_only, v);
            let put = Put::Update {
                update: TABLE.update(m.update_mask.as_ref(), sent, preconditions, v),
                allow_missing: m.allow_missing,
            };
            let target = target?;
            let action = Action::Node(NodeAction::Put {
                name: target.key,
                put,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, None).await
    }

    async fn delete_node(
        &self,
        request: Request<v1::DeleteNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        let m = request.get_ref();
        let (cluster, operation) = parse(|v| {
            let target = name::in_cluster("name", &m.name, "nodes", v);
            let delete = Delete {
                allow_missing: m.allow_missing,
                preconditions: preconditions(&m.etag, &m.expected_uid, v),
            };
            let context = context("DeleteNode", &request, &m.request_id, m.validate_only, v);
            let target = target?;
            let action = Action::Node(NodeAction::Delete {
                name: target.key,
                delete,
            });
            Some((target.cluster, Operation { action, context }))
        })?;
        write(&self.cluster(&cluster)?, operation, Some(&m.name)).await
    }

    async fn watch_nodes(
        &self,
        request: Request<v1::WatchNodesRequest>,
    ) -> Result<Response<Self::WatchNodesStream>, Status> {
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
            let node = event
                .object
                .as_ref()
                .map(|node| wire(&access, &access.node_reports(), node));
            Ok(v1::WatchNodesResponse {
                r#type,
                node,
                revision,
            })
        });
        Ok(Response::new(stream.boxed()))
    }

    async fn dump_node_view(
        &self,
        request: Request<v1::DumpNodeViewRequest>,
    ) -> Result<Response<v1::DumpNodeViewResponse>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::in_cluster("name", &m.name, "nodes", v))?;
        let state = self.cluster(&asked.cluster)?.state_at(0).await?;
        state.node(&asked.key).ok_or_else(|| not_found(&m.name))?;
        let mut digest = Digest::EMPTY;
        let mut objects = Vec::new();
        for (key, view) in view::project(&state) {
            digest.toggle(wire_view::digest(key, &wire_view::encode(&view)));
            let body = serde_json::json!({ "uid": key.uid, "view": view });
            objects.push(body.to_string());
        }
        let revision = state.revision().0;
        Ok(Response::new(v1::DumpNodeViewResponse {
            revision,
            digest: digest.to_string(),
            objects,
        }))
    }

    async fn explain_flow(
        &self,
        request: Request<v1::ExplainFlowRequest>,
    ) -> Result<Response<v1::ExplainFlowResponse>, Status> {
        explain::flow(self, request.get_ref())
            .await
            .map(Response::new)
    }
}

fn wire(access: &Cluster, reports: &NodeReports, node: &Node) -> v1::Node {
    let report = reports.of(node.meta.uid);
    let mut message = node::to_wire(access.name(), node, report);
    if let Some(status) = &mut message.status {
        let described = access.described(node.meta.uid);
        status.conditions = node_conditions(node, report, described.as_ref());
    }
    message
}

fn params(sent: &v1::Node, violations: &mut Violations) -> Params<NodeSpec> {
    let default = v1::NodeSpec::default();
    let spec = node::spec(
        "node.spec",
        sent.spec.as_ref().unwrap_or(&default),
        violations,
    );
    validate::labels("node.labels", &sent.labels, violations);
    validate::annotations("node.annotations", &sent.annotations, violations);
    Params {
        labels: sent.labels.clone(),
        annotations: sent.annotations.clone(),
        spec,
    }
}

async fn write(
    access: &Cluster,
    operation: Operation,
    gone: Option<&str>,
) -> Result<Response<v1::Node>, Status> {
    let outcome = access.submit(operation).await?;
    let mut message = match (outcome.objects.first(), gone) {
        (Some(Object::Node(node)), _) => wire(access, &access.node_reports(), node),
        (_, Some(name)) => v1::Node {
            name: name.to_owned(),
            ..v1::Node::default()
        },
        (_, None) => {
            return Err(not_found(
                "the node that an earlier request with this request_id wrote",
            ));
        }
    };
    if gone.is_some() {
        message.revision = outcome.revision.0;
        message.delete_time = Some(meta::timestamp(access.clock.now()));
    }
    Ok(respond(message, outcome.verb))
}
