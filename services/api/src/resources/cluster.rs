//! ClusterAPI.

mod audit;
mod watch;

use std::borrow::Borrow;
use std::sync::Arc;

use portolan_allocator::{Action, ClusterAction, NewCluster, Operation, Outcome, Params, Verb};
use portolan_model::{Cluster, ClusterSpec, Family, Labels, Object, Revision, State, Violations};
use portolan_proto::convert::{cluster, meta, name, service_cidr};
use portolan_proto::v1;
use portolan_proto::v1::cluster_api_server::ClusterApi;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::context::{context, preconditions, respond};
use crate::listing::{Arguments, Listing};
use crate::mask::Table;
use crate::shape::{not_found, parse, required};
use crate::watch::WatchStream;

/// What a mask can name.
static TABLE: Table<v1::Cluster, ClusterSpec> = Table {
    message: "portolan.v1.Cluster",
    field: "cluster",
    open: &["spec"],
    inwards: params,
    outwards: |params| v1::Cluster {
        spec: Some(cluster::spec_to_wire(&params.spec)),
        ..v1::Cluster::default()
    },
    check: |_, _| (),
};

#[tonic::async_trait]
impl ClusterApi for Api {
    type WatchClustersStream = WatchStream<v1::WatchClustersResponse>;

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
        let asked = Arguments {
            page_size: m.page_size,
            page_token: &m.page_token,
            filter: &m.filter,
            order_by: &m.order_by,
            others: &[],
        };
        let listing = parse(|v| Listing::<Cluster>::new(&asked, v))?;
        let states: Vec<_> = self.clusters().iter().map(crate::Cluster::state).collect();
        let all = states.iter().filter_map(|state| {
            let cluster = state.cluster()?;
            Some(Found { state, cluster })
        });
        // No column of a cluster looks at a state.
        let found = listing.sort(&State::default(), all);
        let shown = |found: &Found<'_>| cluster::to_wire(found.state, found.cluster);
        let (clusters, next_page_token) = listing.shown(Revision::ZERO, &found, shown);
        Ok(Response::new(v1::ListClustersResponse {
            clusters,
            next_page_token,
        }))
    }

    async fn create_cluster(
        &self,
        request: Request<v1::CreateClusterRequest>,
    ) -> Result<Response<v1::Cluster>, Status> {
        let m = request.get_ref();
        let (id, operation) = parse(|v| {
            let id = name::new_label("cluster_id", &m.cluster_id, v);
            let cidrs = service_cidr::cidrs("service_cidrs", &m.service_cidrs, v);
            let mut families: Vec<_> = cidrs.iter().map(Family::of_net).collect();
            families.dedup();
            let sent = m.cluster.as_ref().and_then(|sent| sent.spec.clone());
            let spec = cluster::spec("cluster.spec", &sent.unwrap_or_default(), &families, v);
            let context = context("CreateCluster", &request, &m.request_id, m.validate_only, v);
            let name = id?;
            let action = Action::Cluster(ClusterAction::Create(NewCluster {
                name: name.clone(),
                spec,
                cidrs,
            }));
            Some((name, Operation { action, context }))
        })?;
        let outcome = self.create_cluster(id.clone(), operation).await?;
        // A dry run leaves no cluster whose state could be looked at.
        let state = match self.cluster(&id) {
            Ok(access) => access.state(),
            Err(_) => Arc::default(),
        };
        answer(&outcome, &state)
    }

    async fn update_cluster(
        &self,
        request: Request<v1::UpdateClusterRequest>,
    ) -> Result<Response<v1::Cluster>, Status> {
        let m = request.get_ref();
        let (name, operation) = parse(|v| {
            let sent = required("cluster", m.cluster.as_ref(), v)?;
            let name = name::cluster("cluster.name", &sent.name, v);
            let context = context("UpdateCluster", &request, &m.request_id, m.validate_only, v);
            let preconditions = preconditions("cluster.etag", &sent.etag, &m.expected_uid, v);
            let update = TABLE.update(m.update_mask.as_ref(), sent, preconditions, v);
            let action = Action::Cluster(ClusterAction::Update(update));
            Some((name?, Operation { action, context }))
        })?;
        let access = self.cluster(&name)?;
        let outcome = access.submit(operation).await?;
        answer(&outcome, &access.state())
    }

    async fn delete_cluster(
        &self,
        request: Request<v1::DeleteClusterRequest>,
    ) -> Result<Response<v1::Cluster>, Status> {
        let m = request.get_ref();
        let (name, operation) = parse(|v| {
            let name = name::cluster("name", &m.name, v);
            let context = context("DeleteCluster", &request, "", m.validate_only, v);
            let action = Action::Cluster(ClusterAction::Delete {
                force: m.force,
                preconditions: preconditions("etag", &m.etag, &m.expected_uid, v),
            });
            Some((name?, Operation { action, context }))
        })?;
        let access = match self.cluster(&name) {
            Ok(access) => access,
            Err(_) if m.allow_missing => {
                let gone = v1::Cluster {
                    name: m.name.clone(),
                    delete_time: Some(meta::timestamp(self.now())),
                    ..v1::Cluster::default()
                };
                return Ok(respond(gone, Verb::Unchanged));
            }
            Err(absent) => return Err(absent),
        };
        let outcome = access.submit(operation).await?;
        let mut response = answer(&outcome, &State::default())?;
        let message = response.get_mut();
        message.status = None;
        message.revision = outcome.revision.0;
        message.delete_time = Some(meta::timestamp(self.now()));
        Ok(response)
    }

    async fn watch_clusters(
        &self,
        request: Request<v1::WatchClustersRequest>,
    ) -> Result<Response<Self::WatchClustersStream>, Status> {
        watch::watch(self, request.get_ref())
    }

    async fn audit_allocations(
        &self,
        request: Request<v1::AuditAllocationsRequest>,
    ) -> Result<Response<v1::AuditAllocationsResponse>, Status> {
        audit::audit(self, &request).await.map(Response::new)
    }
}

/// What a write asks for; a cluster has no labels.
fn params(sent: &v1::Cluster, violations: &mut Violations) -> Params<ClusterSpec> {
    let default = v1::ClusterSpec::default();
    let spec = sent.spec.as_ref().unwrap_or(&default);
    Params {
        labels: Labels::new(),
        annotations: Labels::new(),
        spec: cluster::spec("cluster.spec", spec, &[], violations),
    }
}

/// A cluster in its own state.
struct Found<'a> {
    state: &'a State,
    cluster: &'a Cluster,
}

impl Borrow<Cluster> for Found<'_> {
    fn borrow(&self) -> &Cluster {
        self.cluster
    }
}

fn answer(outcome: &Outcome, state: &State) -> Result<Response<v1::Cluster>, Status> {
    let Some(Object::Cluster(written)) = outcome.objects.first() else {
        return Err(not_found(
            "the cluster that an earlier request with this request_id wrote",
        ));
    };
    Ok(respond(cluster::to_wire(state, written), outcome.verb))
}
