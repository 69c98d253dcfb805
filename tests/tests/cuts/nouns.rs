//! What can be watched from a revision.

use std::collections::BTreeMap;
use std::future::Future;

use portolan_proto::v1;
use portolan_proto::v1::WatchEventType;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::workload_api_client::WorkloadApiClient;
use portolan_tests::api::NAMESPACE;
use tonic::Streaming;
use tonic::transport::Channel;

/// Name, and the revision that last wrote it, by uid.
pub(crate) type Held = BTreeMap<String, (String, u64)>;

/// An event, whatever it is about.
pub(crate) struct Told {
    pub(crate) kind: WatchEventType,
    /// Uid, name, and the revision that last wrote it.
    pub(crate) object: Option<(String, String, u64)>,
    pub(crate) revision: u64,
    pub(crate) store_id: String,
}

/// A resource whose watches resume.
pub(crate) trait Watched: Send + 'static {
    /// An event as it comes.
    type Event: Send;

    /// A watch of the default namespace that goes on from a revision of a store.
    fn watch(
        server: Channel,
        revision: u64,
        store_id: &str,
    ) -> impl Future<Output = Streaming<Self::Event>> + Send;

    /// What an event says.
    fn told(event: Self::Event) -> Told;

    /// What is there.
    fn list(server: Channel) -> impl Future<Output = Held> + Send;
}

macro_rules! watched {
    ($noun:ident, $client:ident, $field:ident, $items:ident, $watch:ident($watch_request:ident) -> $event:ident, $list:ident($list_request:ident)) => {
        impl Watched for v1::$noun {
            type Event = v1::$event;

            async fn watch(
                server: Channel,
                revision: u64,
                store_id: &str,
            ) -> Streaming<v1::$event> {
                let request = v1::$watch_request {
                    parent: NAMESPACE.to_owned(),
                    from_revision: revision,
                    store_id: store_id.to_owned(),
                    ..v1::$watch_request::default()
                };
                let opened = $client::new(server).$watch(request).await;
                opened.expect("a watch").into_inner()
            }

            fn told(event: v1::$event) -> Told {
                Told {
                    kind: event.r#type(),
                    object: event.$field.map(|it| (it.uid, it.name, it.revision)),
                    revision: event.revision,
                    store_id: event.store_id,
                }
            }

            async fn list(server: Channel) -> Held {
                let request = v1::$list_request {
                    parent: NAMESPACE.to_owned(),
                    page_size: 1000,
                    ..v1::$list_request::default()
                };
                let listed = $client::new(server).$list(request).await;
                let listed = listed.expect("a list").into_inner();
                assert_eq!(listed.next_page_token, "", "all of them on one page");
                let held = listed.$items.into_iter();
                held.map(|it| (it.uid, (it.name, it.revision))).collect()
            }
        }
    };
}

watched!(Service, ServiceApiClient, service, services, watch_services(WatchServicesRequest) -> WatchServicesResponse, list_services(ListServicesRequest));
watched!(Endpoint, EndpointApiClient, endpoint, endpoints, watch_endpoints(WatchEndpointsRequest) -> WatchEndpointsResponse, list_endpoints(ListEndpointsRequest));
watched!(Workload, WorkloadApiClient, workload, workloads, watch_workloads(WatchWorkloadsRequest) -> WatchWorkloadsResponse, list_workloads(ListWorkloadsRequest));
