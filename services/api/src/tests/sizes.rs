//! Whatever may be written can be read: by clients that take 4 MB, and by nodes.

use portolan_model::limits::{self, MESSAGE, OBJECT, PAGE, VIEW};
use portolan_model::view::project;
use portolan_model::{HttpHeader, Probe, ProbeAction, ProbePort, WorkloadPort, octets_of};
use portolan_proto::convert::view::encode;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::workload_api_server::WorkloadApi;
use prost::Message;
use tonic::Request;

use super::*;

/// Annotations of this many octets.
fn filling(octets: usize) -> Labels {
    let key = "example.com/filling".to_owned();
    let value = "x".repeat(octets - key.len());
    Labels::from([(key, value)])
}

#[tokio::test]
async fn a_page_ends_before_a_default_client_would_refuse_it() {
    let server = Server::start().await;
    for i in 0..30 {
        let params = Params {
            annotations: filling(250_000),
            spec: spec(),
            ..Params::default()
        };
        server.apply_service(&format!("s{i:02}"), params).await;
    }
    let mut client = ServiceApiClient::new(server.connect().await);
    for order_by in ["", "name desc", "create_time"] {
        let mut request = v1::ListServicesRequest {
            parent: NAMESPACE.to_owned(),
            page_size: 1000,
            order_by: order_by.to_owned(),
            ..v1::ListServicesRequest::default()
        };
        let (mut names, mut pages) = (Vec::new(), 0);
        loop {
            let page = client.list_services(request.clone()).await;
            let page = page.expect("a default client takes it").into_inner();
            assert!(
                page.encoded_len() <= PAGE.value + 8192,
                "{}",
                page.encoded_len()
            );
            names.extend(page.services.into_iter().map(|service| service.name));
            pages += 1;
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        names.sort();
        names.dedup();
        assert_eq!(
            (names.len(), pages > 3),
            (30, true),
            "by {order_by:?}: {pages}"
        );
    }
}

/// A workload of which everything is as large as it may be, and the whole as well.
fn full_workload() -> Params<WorkloadSpec> {
    let header = HttpHeader {
        name: "a".repeat(limits::HEADER_NAME.value),
        value: "b".repeat(limits::HEADER_VALUE.value),
    };
    let action = ProbeAction::HttpGet {
        port: ProbePort::Number(80),
        path: format!("/{}", "a".repeat(limits::PROBE_PATH.value - 1)),
        host: "h".repeat(limits::PROBE_NAME.value),
        headers: vec![header; limits::PROBE_HEADERS.value],
    };
    let probe = Probe {
        action,
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    };
    let port = |i: usize| WorkloadPort {
        name: format!("p{i:0>14}"),
        port: 1 + u16::try_from(i).unwrap(),
        protocol: Protocol::Tcp,
    };
    let spec = WorkloadSpec {
        addresses: ["192.0.2.1", "fd01::1"].map(|a| a.parse().unwrap()).into(),
        node: Some(name("n")),
        ports: (0..limits::WORKLOAD_PORTS.value).map(port).collect(),
        probe: Some(probe),
        ..WorkloadSpec::default()
    };
    let taken = octets_of(&Labels::new(), &Labels::new(), &spec);
    whole_of(spec, taken)
}

/// A Service of which everything is as large as it may be, and the whole as well.
fn full_service() -> Params<ServiceSpec> {
    let port = |i: usize| ServicePort {
        name: format!("{i:0>62}"),
        port: 1 + u16::try_from(i).unwrap(),
        protocol: Protocol::Tcp,
        target: TargetPort::Number(8080),
        app_protocol: Some(format!("example.com/{}", "a".repeat(63))),
        node_port: None,
    };
    let spec = ServiceSpec {
        kind: portolan_model::ServiceType::NodePort,
        ports: (0..limits::SERVICE_PORTS.value).map(port).collect(),
        selector: pairs(&[("app", "full")]).into(),
        ..ServiceSpec::default()
    };
    let taken = octets_of(&Labels::new(), &Labels::new(), &spec);
    whole_of(spec, taken)
}

/// With annotations for the room that is left, but some for what is allocated.
fn whole_of<S>(spec: S, taken: usize) -> Params<S> {
    let labels = pairs(&[("app", "full")]);
    Params {
        annotations: filling(OBJECT.value - taken - 16_384),
        labels,
        spec,
    }
}

#[tokio::test]
async fn an_object_full_to_its_bounds_reaches_every_client_and_every_node() {
    let server = Server::start().await;
    server.apply_service("full", full_service()).await;
    let (key, put) = (scoped("full"), applied(full_workload()));
    server
        .submit(Action::Workload(Write::Put { key, put }))
        .await;
    let state = server.clusters.get(&name("default")).unwrap().state();
    let views = project(&state);
    assert!(views.len() >= 4, "{views:?}");
    for (key, view) in views {
        let size = encode(&view).len();
        assert!(size <= VIEW.value, "{key:?} takes {size}");
    }
    let request = v1::ListWorkloadsRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::ListWorkloadsRequest::default()
    };
    let listed = server
        .api
        .list_workloads(Request::new(request))
        .await
        .unwrap();
    let listed = listed.into_inner();
    assert_eq!(listed.workloads.len(), 1);
    // An event of a watch is little more than this.
    assert!(listed.encoded_len() <= MESSAGE.value / 4);
    let mut client = ServiceApiClient::new(server.connect().await);
    let watch = v1::WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::WatchServicesRequest::default()
    };
    let mut watch = client.watch_services(watch).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().expect("the Service");
    assert!(first.service.is_some());
}
