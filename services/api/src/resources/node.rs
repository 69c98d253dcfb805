//! NodeAPI.

use portolan_allocator::{Action, NodeAction, Put};
use portolan_model::limits::VIEW;
use portolan_model::{Digest, Name, Node, NodeSpec, Violations, view};
use portolan_proto::convert::{name, node, view as wire_view};
use portolan_proto::v1;
use portolan_proto::v1::node_api_server::NodeApi;
use tonic::{Request, Response, Status};

use super::rpcs::rpcs;
use crate::conditions::node_conditions;
use crate::explain;
use crate::resource::{Exposed, View, Written, message};
use crate::shape::{not_found, parse};

impl Exposed for Node {
    type Message = v1::Node;

    fn message(&self, cluster: &str) -> v1::Node {
        node::to_wire(cluster, self)
    }

    fn shown(&self, view: &View<'_>) -> v1::Node {
        let report = view.reports().of(self.meta.uid);
        let described = view.cluster.described(self.meta.uid);
        v1::Node {
            status: Some(v1::NodeStatus {
                conditions: node_conditions(self, report, described.as_ref()),
                ..report.map(node::status).unwrap_or_default()
            }),
            ..self.message(view.cluster.name())
        }
    }
}

message!(Node in "node", NodeSpec);

impl Written for Node {
    fn read(field: &str, sent: &v1::NodeSpec, violations: &mut Violations) -> NodeSpec {
        node::spec(field, sent, violations)
    }

    fn write(spec: &NodeSpec) -> v1::NodeSpec {
        node::spec_to_wire(spec)
    }

    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_subdomain(field, text, violations)
    }

    fn put(name: Name, put: Put<NodeSpec>) -> Action {
        Action::Node(NodeAction::Put { name, put })
    }
}

rpcs! {
    NodeApi: Node, node, nodes;
    get get_node(GetNodeRequest) -> Node;
    list list_nodes(ListNodesRequest) -> ListNodesResponse;
    create create_node(CreateNodeRequest, node_id) -> Node;
    update update_node(UpdateNodeRequest) -> Node;
    delete delete_node(DeleteNodeRequest) -> Node
        by |name, delete| Action::Node(NodeAction::Delete { name, delete });
    watch watch_nodes(WatchNodesRequest) -> WatchNodesResponse;
    stream WatchNodesStream of WatchNodesResponse;
    more {
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
            let encoded = wire_view::encode(&view);
            // What is too large for the stream is not on it.
            if encoded.len() > VIEW.value {
                continue;
            }
            digest.toggle(wire_view::digest(key, &encoded));
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
}
