//! Writing: each kind by its own call, with one answer.

mod cluster;

use portolan_proto::v1;
use tonic::{Response, Status};
use v1::endpoint_api_client::EndpointApiClient;
use v1::namespace_api_client::NamespaceApiClient;
use v1::node_api_client::NodeApiClient;
use v1::service_api_client::ServiceApiClient;
use v1::workload_api_client::WorkloadApiClient;

use super::{Client, MAX_MESSAGE, client};
use crate::manifest::Item;
use crate::object::Object;

impl Client {
    /// Writes what a manifest asks for, or with `validate_only` only says what would come of it.
    pub(crate) async fn put(&self, item: Item, validate_only: bool) -> Result<Put, Status> {
        match item {
            Item::Cluster(request) => self.put_cluster(request, validate_only).await,
            Item::ServiceCidr(range) => self.put_service_cidr(range, validate_only).await,
            Item::Namespace(request) => {
                let request = v1::UpdateNamespaceRequest {
                    validate_only,
                    ..request
                };
                let mut client = client!(NamespaceApiClient, self);
                client.update_namespace(request).await.map(Put::of)
            }
            Item::Node(node) => {
                let request = v1::UpdateNodeRequest {
                    node: Some(node),
                    allow_missing: true,
                    validate_only,
                    ..v1::UpdateNodeRequest::default()
                };
                let mut client = client!(NodeApiClient, self);
                client.update_node(request).await.map(Put::of)
            }
            Item::Service(service) => self.put_service(service, validate_only).await,
            Item::Workload(workload) => {
                let request = v1::UpdateWorkloadRequest {
                    workload: Some(workload),
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["*".to_owned()],
                    }),
                    allow_missing: true,
                    validate_only,
                    ..v1::UpdateWorkloadRequest::default()
                };
                let mut client = client!(WorkloadApiClient, self);
                client.update_workload(request).await.map(Put::of)
            }
            Item::Endpoints(request) => {
                let request = v1::ReplaceEndpointsRequest {
                    validate_only,
                    ..request
                };
                let mut client = client!(EndpointApiClient, self);
                let answer = client.replace_endpoints(request).await?;
                let outcome = outcome(&answer);
                let endpoints = answer.into_inner().endpoints;
                Ok(Put {
                    outcome,
                    objects: endpoints.into_iter().map(Object::from).collect(),
                    warnings: Vec::new(),
                })
            }
        }
    }

    async fn put_service(&self, service: v1::Service, validate_only: bool) -> Result<Put, Status> {
        let request = v1::UpdateServiceRequest {
            service: Some(service),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["*".to_owned()],
            }),
            allow_missing: true,
            validate_only,
            ..v1::UpdateServiceRequest::default()
        };
        let mut client = client!(ServiceApiClient, self);
        let answer = client.update_service(request).await?;
        let warnings = answer.get_ref().warnings.clone();
        Ok(Put {
            warnings,
            ..Put::of(answer)
        })
    }
}

/// What became of a write, or would.
#[derive(Debug)]
pub(crate) struct Put {
    /// `created`, `configured` or `unchanged`.
    pub(crate) outcome: String,
    /// What is there now: one resource, or all endpoints of one source.
    pub(crate) objects: Vec<Object>,
    pub(crate) warnings: Vec<String>,
}

impl Put {
    fn of<T: Into<Object>>(answer: Response<T>) -> Self {
        Self {
            outcome: outcome(&answer),
            objects: vec![answer.into_inner().into()],
            warnings: Vec::new(),
        }
    }
}

fn outcome<T>(answer: &Response<T>) -> String {
    let outcome = answer.metadata().get("portolan-outcome");
    let outcome = outcome.and_then(|outcome| outcome.to_str().ok());
    outcome.unwrap_or("configured").to_owned()
}
