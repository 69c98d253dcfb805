//! What errors carry, those too that no handler makes.

use portolan_allocator::{Action, Params, ServiceAction};
use portolan_model::Noun;
use portolan_model::{ClusterIps, ServiceSpec, ServiceType};
use portolan_proto::v1;
use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;
use v1::service_api_server::ServiceApi;

use super::{NAMESPACE, Server, applied, scoped, spec, why};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn call<M: Message + 'static>(channel: &Channel, path: &'static str, message: M) -> Status {
    let mut client = Grpc::new(channel.clone()).max_encoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let mut request = Request::new(message);
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    request
        .metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    let codec = ProstCodec::<M, v1::Service>::default();
    let called = client.unary(request, PathAndQuery::from_static(path), codec);
    called.await.expect_err(path)
}

#[tokio::test]
async fn errors_made_before_any_handler_say_why_and_name_their_trace() {
    let server = Server::start().await;
    let channel = server.connect().await;
    let get = "/portolan.v1.ServiceAPI/GetService";
    let nothing = v1::GetServiceRequest::default();
    let large = v1::GetServiceRequest {
        name: "x".repeat(5 << 20),
        ..v1::GetServiceRequest::default()
    };
    // A number where a text is expected.
    let malformed = prost_types::Timestamp {
        seconds: 1,
        nanos: 0,
    };
    for (what, status, code, reason) in [
        (
            "an unknown method",
            call(&channel, "/portolan.v1.ServiceAPI/Nothing", nothing.clone()).await,
            Code::Unimplemented,
            "METHOD_UNKNOWN",
        ),
        (
            "an unknown service",
            call(&channel, "/portolan.v1.NoAPI/GetService", nothing.clone()).await,
            Code::Unimplemented,
            "METHOD_UNKNOWN",
        ),
        (
            "a message too large",
            call(&channel, get, large).await,
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
        ),
        (
            "a message that is none",
            call(&channel, get, malformed).await,
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
        ),
        (
            "a handler's own",
            call(&channel, get, nothing).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        ),
    ] {
        assert_eq!(
            why(&status),
            (code, reason.to_owned()),
            "{what}: {status:?}"
        );
        let details = status.get_error_details();
        let trace = details.request_info().map(|info| info.request_id.clone());
        assert_eq!(trace.as_deref(), Some(TRACE), "{what}");
        let is_own = details.bad_request().is_some();
        assert_eq!(is_own, reason == "FIELD_INVALID", "{what}");
    }
}

#[tokio::test]
async fn who_holds_what_was_asked_for_is_named() {
    let server = Server::start().await;
    let params = Params {
        spec: ServiceSpec {
            kind: ServiceType::NodePort,
            cluster_ips: ClusterIps::Addresses(vec!["10.96.0.9".parse().unwrap()]),
            ..spec()
        },
        ..Params::default()
    };
    let (key, put) = (scoped("holder"), applied(params));
    let action = Action::Service(ServiceAction::Put { key, put });
    let held = server.submit(action).await;
    let service = portolan_model::Service::of(&held.objects[0]).unwrap();
    let node_port = service.spec.ports[0].node_port.unwrap();
    for (what, cluster_ips, node_port, holder) in [
        ("address", vec!["10.96.0.9".to_owned()], 0, true),
        ("port", Vec::new(), node_port, true),
        ("out of range", vec!["192.0.2.1".to_owned()], 0, false),
    ] {
        let port = v1::ServicePort {
            port: 80,
            node_port: node_port.into(),
            ..v1::ServicePort::default()
        };
        let request = v1::CreateServiceRequest {
            parent: NAMESPACE.to_owned(),
            service_id: "web".to_owned(),
            service: Some(v1::Service {
                spec: Some(v1::ServiceSpec {
                    r#type: v1::ServiceType::NodePort.into(),
                    cluster_ips,
                    ports: vec![port],
                    ..v1::ServiceSpec::default()
                }),
                ..v1::Service::default()
            }),
            ..v1::CreateServiceRequest::default()
        };
        let refused = server.api.create_service(Request::new(request)).await;
        let refused = refused.expect_err(what);
        assert_eq!(refused.code(), Code::FailedPrecondition, "{what}");
        let info = refused.get_details_resource_info();
        let named = info.map(|info| (info.resource_type, info.resource_name));
        let name = format!("{NAMESPACE}/services/holder");
        let want = holder.then(|| ("portolan.dev/Service".to_owned(), name));
        assert_eq!(named, want, "{what}");
        assert!(refused.get_details_retry_info().is_none(), "{what}");
    }
}
