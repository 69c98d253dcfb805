//! Operations and histories that are too large.

use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_tests::api::{NAMESPACE, block_on, channel};
use portolan_tests::{Server, Store};
use tonic::transport::Endpoint;

use crate::special::{BATCH, COMPACTED, ROWS, TOO_LARGE, TOO_SLOW, done};

/// Endpoints of one Service, each with another port than in the round before.
fn endpoints(service: &str, round: i32) -> v1::ReplaceEndpointsRequest {
    let endpoint = |i: i32| v1::Endpoint {
        spec: Some(v1::EndpointSpec {
            address: format!("192.0.{}.{}", i / 200, 1 + i % 200),
            ports: vec![v1::EndpointPort {
                port: 1000 + round,
                ..v1::EndpointPort::default()
            }],
            ..v1::EndpointSpec::default()
        }),
        ..v1::Endpoint::default()
    };
    v1::ReplaceEndpointsRequest {
        service: service.to_owned(),
        source: "test".to_owned(),
        endpoints: (0..1000).map(endpoint).collect(),
        ..v1::ReplaceEndpointsRequest::default()
    }
}

#[test]
fn much_data() {
    let server = Server::start(None, &Store::Sqlite, &[]);
    done(
        &server,
        "NamespaceAPI/CreateNamespace",
        "{'parent': 'clusters/default', 'namespaceId': 'big', 'namespace': {}}",
    );
    let mut slow = None;
    for i in 0..11 {
        let create = format!(
            "{{'parent': 'clusters/default/namespaces/big', 'serviceId': 's{i}', 'service': {{'spec': {{'ports': [{{'port': 80}}]}}}}}}"
        );
        done(&server, "ServiceAPI/CreateService", &create);
        // It begins with so little that it is read at once, and reads no more.
        if slow.is_none() {
            slow = Some(block_on(idle_watch(&server.url())));
        }
        for round in 0..2 {
            let request = endpoints(
                &format!("clusters/default/namespaces/big/services/s{i}"),
                round,
            );
            let mut client = EndpointApiClient::new(channel(&server.url()));
            block_on(client.replace_endpoints(request)).expect("they are right");
        }
    }
    ROWS[TOO_LARGE].check(&server);
    ROWS[COMPACTED].check(&server);
    let mut slow = slow.expect("it was opened");
    let status = block_on(async {
        loop {
            if let Err(status) = slow.message().await {
                return status;
            }
        }
    });
    ROWS[TOO_SLOW].check_status(&status);

    let entry = v1::CreateServiceRequest::default();
    let request = v1::BatchCreateServicesRequest {
        parent: NAMESPACE.to_owned(),
        requests: vec![entry; 1001],
        ..v1::BatchCreateServicesRequest::default()
    };
    let mut client = ServiceApiClient::new(channel(&server.url()));
    let status = block_on(client.batch_create_services(request)).expect_err("too many");
    ROWS[BATCH].check_status(&status);
}

/// A watch of endpoints whose window is the smallest there is.
async fn idle_watch(url: &str) -> tonic::Streaming<v1::WatchEndpointsResponse> {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    let endpoint = endpoint
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    let mut client = EndpointApiClient::new(endpoint.connect_lazy());
    let request = v1::WatchEndpointsRequest {
        parent: "clusters/default/namespaces/-".to_owned(),
        ..v1::WatchEndpointsRequest::default()
    };
    client
        .watch_endpoints(request)
        .await
        .expect("a watch")
        .into_inner()
}
