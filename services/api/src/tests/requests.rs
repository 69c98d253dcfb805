//! What every request passes.

use portolan_proto::v1::service_api_client::ServiceApiClient;
use prometheus_client::registry::Registry;

use super::*;

/// Everything that is counted of requests.
fn counted(server: &Server) -> String {
    let (mut registry, mut text) = (Registry::default(), String::new());
    server.requests.register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test]
async fn requests_are_counted_by_method_and_code() {
    let server = Server::start().await;
    let channel = server.connect().await;
    let mut client = ServiceApiClient::new(channel.clone());
    let list = || v1::ListServicesRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::ListServicesRequest::default()
    };
    client.list_services(list()).await.unwrap();
    client.list_services(list()).await.unwrap();
    let get = v1::GetServiceRequest {
        name: format!("{NAMESPACE}/services/absent"),
        ..v1::GetServiceRequest::default()
    };
    client.get_service(get).await.unwrap_err();
    let watch = v1::WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::WatchServicesRequest::default()
    };
    let mut watch = client.watch_services(watch).await.unwrap().into_inner();
    watch.message().await.unwrap();
    drop(watch);

    let of = |method: &str, code: &str| {
        format!(
            "grpc_server_handled_total{{grpc_service=\"portolan.v1.ServiceAPI\",grpc_method=\"{method}\",grpc_code=\"{code}\"}}"
        )
    };
    let waiting = async {
        while !counted(&server).contains(&of("WatchServices", "Canceled")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap();
    let text = counted(&server);
    for (what, line) in [
        ("two lists", format!("{} 2", of("ListServices", "OK"))),
        ("one refusal", format!("{} 1", of("GetService", "NotFound"))),
        ("a watch that its client left", format!("{} 1", of("WatchServices", "Canceled"))),
        (
            "their times",
            "grpc_server_handling_seconds_count{grpc_service=\"portolan.v1.ServiceAPI\",grpc_method=\"ListServices\"} 2".to_owned(),
        ),
    ] {
        assert!(text.lines().any(|l| l == line), "{what}: {line} in\n{text}");
    }
}

#[tokio::test]
async fn methods_that_nobody_knows_share_one_series() {
    let server = Server::start().await;
    let mut client = tonic::client::Grpc::new(server.connect().await);
    for method in [
        "/portolan.v1.ServiceAPI/Nothing",
        "/portolan.v1.ServiceAPI/Nonsense",
    ] {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<v1::GetServiceRequest, v1::Service>::default();
        let request = tonic::Request::new(v1::GetServiceRequest::default());
        let path = http::uri::PathAndQuery::from_static(method);
        let refused = client.unary(request, path, codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{method}");
    }
    let text = counted(&server);
    let want = "grpc_server_handled_total{grpc_service=\"unknown\",grpc_method=\"unknown\",grpc_code=\"Unimplemented\"} 2";
    assert!(text.lines().any(|line| line == want), "{text}");
}
