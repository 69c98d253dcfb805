//! ClusterAPI.

use portolan_model::Name;
use portolan_proto::convert::{cluster, name};
use portolan_proto::v1;
use portolan_proto::v1::cluster_api_server::ClusterApi;
use tonic::{Request, Response, Status};

use crate::access::Api;
use crate::paging::Page;
use crate::shape::{not_found, parse};

#[tonic::async_trait]
impl ClusterApi for Api {
    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::Cluster>, Status> {
        let m = request.get_ref();
        let asked = parse(|v| name::cluster("name", &m.name, v))?;
        let state = self.cluster(&asked)?.state_at(m.min_revision).await?;
        let found = state.cluster().ok_or_else(|| not_found(&m.name))?;
        Ok(Response::new(cluster::to_wire(&state, found)))
    }

    async fn list_clusters(
        &self,
        request: Request<v1::ListClustersRequest>,
    ) -> Result<Response<v1::ListClustersResponse>, Status> {
        let m = request.get_ref();
        let page = parse(|v| Some(Page::new(m.page_size, &m.page_token, &["clusters"], v)))?;
        let after = page.after.clone().map(Name::trusted);
        let found = self
            .clusters()
            .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
        let (found, next_page_token) = page.cut(found, |(name, _)| name.to_string());
        let clusters = found.into_iter().filter_map(|(_, access)| {
            let state = access.allocator.cache().state();
            state.cluster().map(|found| cluster::to_wire(&state, found))
        });
        Ok(Response::new(v1::ListClustersResponse {
            clusters: clusters.collect(),
            next_page_token,
        }))
    }
}
