//! Answers to "why does my Service not work?" and "where does this flow go?". The finding is done in
//! [`portolan_model::explain`].

use portolan_model::explain;
use portolan_proto::convert::{explain as convert, name};
use portolan_proto::v1;
use tonic::Status;

use crate::api::Api;
use crate::shape::{not_found, parse};

pub(crate) async fn service(
    api: &Api,
    request: &v1::ExplainServiceRequest,
) -> Result<v1::ExplainServiceResponse, Status> {
    let (asked, node) = parse(|v| {
        let asked = name::in_namespace("name", &request.name, "services", v);
        let node = match request.node.as_str() {
            "" => Some(None),
            text => name::in_cluster("node", text, "nodes", v).map(Some),
        };
        let (asked, node) = (asked?, node?);
        if node
            .as_ref()
            .is_some_and(|node| node.cluster != asked.cluster)
        {
            v.add(
                "node",
                "is a node of another cluster; name one of the Service's own",
            );
            return None;
        }
        Some((asked, node))
    })?;
    let access = api.cluster(&asked.cluster)?;
    let state = access.state_at(request.min_revision).await?;
    let found = state.service(&asked.key);
    let found = found.ok_or_else(|| not_found(&request.name))?;
    let node = match node {
        None => None,
        Some(node) => {
            let found = state.node(&node.key);
            Some(found.ok_or_else(|| not_found(&request.node))?.as_ref())
        }
    };
    let explanation = explain::service(&state, &access.node_reports(), found, node);
    let revision = state.revision();
    Ok(convert::service_to_wire(
        access.name(),
        revision,
        found,
        explanation,
    ))
}

pub(crate) async fn flow(
    api: &Api,
    request: &v1::ExplainFlowRequest,
) -> Result<v1::ExplainFlowResponse, Status> {
    let (asked, flow) = parse(|v| {
        let asked = name::in_cluster("name", &request.name, "nodes", v);
        let flow = convert::flow(request, v);
        asked.zip(flow)
    })?;
    let access = api.cluster(&asked.cluster)?;
    let state = access.state_at(request.min_revision).await?;
    let node = state.node(&asked.key);
    let node = node.ok_or_else(|| not_found(&request.name))?;
    let explanation = explain::flow(&state, &access.node_reports(), node, flow);
    Ok(convert::flow_to_wire(
        access.name(),
        state.revision(),
        explanation,
    ))
}
