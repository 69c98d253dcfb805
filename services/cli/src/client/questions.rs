//! Questions that are not about one resource's text: why, where to, and whether all is well.

use portolan_proto::v1;
use v1::cluster_api_client::ClusterApiClient;
use v1::node_api_client::NodeApiClient;
use v1::service_api_client::ServiceApiClient;

use super::{Client, MAX_MESSAGE, client};
use crate::failure::Failure;

impl Client {
    /// Why a Service does not work.
    pub(crate) async fn explain_service(
        &self,
        request: v1::ExplainServiceRequest,
    ) -> Result<v1::ExplainServiceResponse, Failure> {
        let mut client = client!(ServiceApiClient, self);
        let answer = client.explain_service(request).await;
        Ok(answer.map_err(|status| self.failure(status))?.into_inner())
    }

    /// Where a node sends a flow.
    pub(crate) async fn explain_flow(
        &self,
        request: v1::ExplainFlowRequest,
    ) -> Result<v1::ExplainFlowResponse, Failure> {
        let mut client = client!(NodeApiClient, self);
        let answer = client.explain_flow(request).await;
        Ok(answer.map_err(|status| self.failure(status))?.into_inner())
    }

    /// Whether claims and Services agree.
    pub(crate) async fn audit(
        &self,
        request: v1::AuditAllocationsRequest,
    ) -> Result<v1::AuditAllocationsResponse, Failure> {
        let mut client = client!(ClusterApiClient, self);
        let answer = client.audit_allocations(request).await;
        Ok(answer.map_err(|status| self.failure(status))?.into_inner())
    }
}
