//! gRPC: `grpc.health.v1.Health/Check`, without TLS; only SERVING passes.

use std::net::SocketAddr;

use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::outcome::Outcome;

pub(super) async fn attempt(at: SocketAddr, service: &str) -> Outcome {
    let endpoint = match Endpoint::from_shared(format!("http://{at}")) {
        Ok(endpoint) => endpoint,
        Err(error) => return Outcome::Unknown(error.to_string()),
    };
    let channel = match endpoint.connect().await {
        Ok(channel) => channel,
        Err(error) => return Outcome::Fail(cause(&error)),
    };
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    match HealthClient::new(channel).check(request).await {
        Ok(response) => match response.into_inner().status() {
            ServingStatus::Serving => Outcome::Pass,
            status => Outcome::Fail(format!("status {}", status.as_str_name())),
        },
        Err(status) => Outcome::Fail(match status.code() {
            Code::Unimplemented => "the workload has no gRPC health service".to_owned(),
            Code::NotFound => format!("the workload does not know the service {service:?}"),
            code => format!("{code:?}: {}", status.message()),
        }),
    }
}

/// The innermost error, as tonic's own text is only "transport error".
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    format!("can't connect: {innermost}")
}
