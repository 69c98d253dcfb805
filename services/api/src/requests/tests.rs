//! Requests that never get to a handler, or not in time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use portolan_proto::FILE_DESCRIPTOR_SET;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::{Layer, ServiceExt, service_fn};

use super::*;

const GET: &str = "/portolan.v1.ServiceAPI/GetService";
const LIST: &str = "/portolan.v1.ServiceAPI/ListServices";

fn request(path: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).body(Full::default());
    request.expect("a request")
}

fn requests() -> Requests {
    Requests::new(Metrics::new(&[FILE_DESCRIPTOR_SET]))
}

fn why<B>(response: &Response<B>) -> (Code, String) {
    let status = Status::from_header_map(response.headers()).expect("a status");
    let info = status.get_details_error_info().expect("a reason");
    (status.code(), info.reason)
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_leaves_the_outcome_open() {
    let never = service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
    let mut late = request(GET);
    let limit = http::HeaderValue::from_static("250m");
    late.headers_mut().insert("grpc-timeout", limit);
    let began = tokio::time::Instant::now();
    let Ok(answer) = requests().layer(never).oneshot(late).await;
    assert_eq!(began.elapsed(), Duration::from_millis(250));
    let reason = "DEADLINE_EXCEEDED".to_owned();
    assert_eq!(why(&answer), (Code::DeadlineExceeded, reason));
}

#[tokio::test(start_paused = true)]
async fn large_answers_take_turns_and_small_ones_do_not() {
    let answers = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
    let requests = requests();
    let ask = async |path| {
        let Ok(answer) = requests.layer(answers).oneshot(request(path)).await;
        answer
    };
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(ask(LIST).await);
    }
    assert!(Status::from_header_map(ask(GET).await.headers()).is_none());
    let refused = ask(LIST).await;
    let reason = "SERVER_BUSY".to_owned();
    assert_eq!(why(&refused), (Code::ResourceExhausted, reason));
    held.pop();
    assert!(Status::from_header_map(ask(LIST).await.headers()).is_none());
}

#[tokio::test]
async fn when_most_connections_are_in_use_the_rest_is_for_nodes_and_health() {
    let answers = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
    let crowded = Connection::new(Instant::now(), Crowd::new(0));
    for (path, is_served) in [(GET, false), ("/portolan.node.v1.NodeSync/Sync", true)] {
        let mut request = request(path);
        request.extensions_mut().insert(Arc::clone(&crowded));
        let Ok(answer) = requests().layer(answers).oneshot(request).await;
        let status = Status::from_header_map(answer.headers());
        assert_eq!(status.is_none(), is_served, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_half_sent_fails() {
    let reads = service_fn(async |request: Request<BoundedBody<_>>| {
        let collected = request.into_body().collect().await;
        let error = collected.expect_err("it never ends");
        let status = error.downcast::<Status>().expect("a status");
        Ok::<_, Infallible>(status.into_http::<Body>())
    });
    let head: &'static [u8] = &[0, 0, 0, 0, 100];
    let begun = http_body::Frame::data(Bytes::from_static(head));
    let begun = futures_util::stream::once(async { Ok::<_, Infallible>(begun) });
    let stuck = futures_util::stream::pending();
    let body = StreamBody::new(Box::pin(futures_util::StreamExt::chain(begun, stuck)));
    let half = Request::post(GET).body(body).expect("a request");
    let Ok(answer) = requests().layer(reads).oneshot(half).await;
    let reason = "REQUEST_HALF_SENT".to_owned();
    assert_eq!(why(&answer), (Code::DeadlineExceeded, reason));
}
