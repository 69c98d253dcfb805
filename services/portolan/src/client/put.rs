//! Writing: each kind by its own call, with one answer.

use portolan_proto::v1;
use tonic::Status;
use v1::endpoint_api_client::EndpointApiClient;
use v1::namespace_api_client::NamespaceApiClient;
use v1::service_api_client::ServiceApiClient;
use v1::workload_api_client::WorkloadApiClient;

use super::{Client, MAX_MESSAGE, client};
use crate::manifest::Item;

impl Client {
    /// Writes what a manifest asks for. Says `created`, `configured` or `unchanged`, and what has no effect.
    pub(crate) async fn put(&self, item: Item) -> Result<Put, Status> {
        match item {
            Item::Namespace(namespace) => {
                let request = v1::UpdateNamespaceRequest {
                    namespace: Some(namespace),
                    // A manifest says all about these, and nothing about limits.
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["labels".to_owned(), "annotations".to_owned()],
                    }),
                    allow_missing: true,
                    ..v1::UpdateNamespaceRequest::default()
                };
                let mut client = client!(NamespaceApiClient, self);
                Ok(Put::of(client.update_namespace(request).await?).0)
            }
            Item::Service(service) => {
                let request = v1::UpdateServiceRequest {
                    service: Some(service),
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["*".to_owned()],
                    }),
                    allow_missing: true,
                    ..v1::UpdateServiceRequest::default()
                };
                let answer = client!(ServiceApiClient, self)
                    .update_service(request)
                    .await?;
                let (put, service) = Put::of(answer);
                let warnings = service.warnings;
                Ok(Put { warnings, ..put })
            }
            Item::Workload(workload) => {
                let request = v1::UpdateWorkloadRequest {
                    workload: Some(workload),
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["*".to_owned()],
                    }),
                    allow_missing: true,
                    ..v1::UpdateWorkloadRequest::default()
                };
                let mut client = client!(WorkloadApiClient, self);
                Ok(Put::of(client.update_workload(request).await?).0)
            }
            Item::Endpoints(request) => {
                let mut client = client!(EndpointApiClient, self);
                Ok(Put::of(client.replace_endpoints(request).await?).0)
            }
        }
    }
}

/// What became of a write.
#[derive(Debug)]
pub(crate) struct Put {
    /// `created`, `configured` or `unchanged`.
    pub(crate) outcome: String,
    pub(crate) warnings: Vec<String>,
}

impl Put {
    fn of<T>(response: tonic::Response<T>) -> (Self, T) {
        let outcome = response.metadata().get("portolan-outcome");
        let outcome = outcome.and_then(|outcome| outcome.to_str().ok());
        let put = Self {
            outcome: outcome.unwrap_or("configured").to_owned(),
            warnings: Vec::new(),
        };
        (put, response.into_inner())
    }
}
