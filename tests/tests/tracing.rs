//! A trace follows a write from the client through the commit to the node's apply.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use portolan_proto::trace::TraceParent;
use portolan_proto::v1;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_tests::{Process, binary, eventually, free_port, get};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

const TRACE: [u8; 16] = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();

/// Spans that arrived: (service, name), and how many of the trace looked for.
type Spans = Arc<Mutex<BTreeMap<(String, String), usize>>>;
/// Links that arrived: the span's name and trace, and the trace that it links to.
type Links = Arc<Mutex<Vec<(String, Vec<u8>, Vec<u8>)>>>;

#[derive(Clone, Default)]
struct Collector(Spans, Links);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut known = self.0.lock().expect("nobody panics while holding it");
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|r| r.attributes).unwrap_or_default();
            let service = attributes.into_iter().find(|a| a.key == "service.name");
            let service = match service.and_then(|a| a.value).and_then(|v| v.value) {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let mut links = self.1.lock().expect("nobody panics while holding it");
                for link in span.links {
                    links.push((span.name.clone(), span.trace_id.clone(), link.trace_id));
                }
                if span.trace_id == TRACE {
                    *known.entry((service.clone(), span.name)).or_default() += 1;
                }
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}

fn start(name: &str, collector: SocketAddr, arguments: &[&str]) -> Process {
    let mut command = Command::new(binary(name));
    command.args(arguments);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
    // Spans leave after five seconds otherwise.
    command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
    Process::start(name, command)
}

async fn create(api: SocketAddr) {
    let mut client = ServiceApiClient::connect(format!("http://{api}"))
        .await
        .expect("the server answers");
    let port = v1::ServicePort {
        port: 80,
        ..v1::ServicePort::default()
    };
    let spec = v1::ServiceSpec {
        ports: vec![port],
        ..v1::ServiceSpec::default()
    };
    let mut request = Request::new(v1::CreateServiceRequest {
        parent: "clusters/default/namespaces/default".to_owned(),
        service: Some(v1::Service {
            spec: Some(spec),
            ..v1::Service::default()
        }),
        service_id: "traced".to_owned(),
        ..v1::CreateServiceRequest::default()
    });
    let parent = TraceParent {
        trace_id: TRACE,
        span_id: [7; 8],
        flags: 1,
    };
    let parent = parent.to_string();
    request
        .metadata_mut()
        .insert("traceparent", parent.parse().expect("plain ASCII"));
    client.create_service(request).await.expect("it is created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_has_the_request_and_the_node_that_applied_it() {
    let (collector, spans, links) = (loopback(), Spans::default(), Links::default());
    let service = TraceServiceServer::new(Collector(spans.clone(), links.clone()));
    tokio::spawn(Server::builder().add_service(service).serve(collector));

    let (api, http, metrics) = (loopback(), loopback(), loopback());
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = format!("sqlite:{}", dir.path().join("portolan.db").display());
    let (listen, http_listen) = (api.to_string(), http.to_string());
    let cidr = "--service-cidr=127.99.0.0/16";
    let server = [
        "serve",
        "--store",
        &store,
        "--listen",
        &listen,
        "--http-listen",
        &http_listen,
        cidr,
    ];
    let _server = start("portolan", collector, &server);
    eventually("the server is ready", || get(http, "/readyz"));

    let (url, state) = (
        format!("http://{api}"),
        dir.path().join("node").display().to_string(),
    );
    let metrics_listen = metrics.to_string();
    let plugin = [
        ["--server", &url],
        ["--node", "n1"],
        ["--address", "127.0.0.1"],
        ["--state-dir", &state],
        ["--metrics-listen", &metrics_listen],
    ];
    let _plugin = start("portolan-userspace", collector, &plugin.concat());
    eventually("the plugin is in step", || get(metrics, "/healthz"));

    create(api).await;
    eventually("both spans arrived", || {
        let spans = spans
            .lock()
            .expect("nobody panics while holding it")
            .clone();
        let has = |service: &str| spans.keys().any(|(from, _)| from == service);
        if has("portolan") && has("portolan-userspace") {
            Ok(())
        } else {
            Err(format!("{spans:?}"))
        }
    });
    eventually("request and commit are linked both ways", || {
        linked(&links.lock().expect("nobody panics while holding it"))
    });
}

/// A commit links to the request of the trace looked for, and that request to the commit.
fn linked(links: &[(String, Vec<u8>, Vec<u8>)]) -> Result<(), String> {
    let commits = links
        .iter()
        .filter(|(from, _, to)| from == "commit" && *to == TRACE);
    let mut commits = commits.map(|(_, trace, _)| trace);
    let back = |commit: &Vec<u8>| {
        let mut requests = links.iter().filter(|(from, ..)| from == "rpc");
        requests.any(|(_, from, to)| *from == TRACE && to == commit)
    };
    if commits.any(back) {
        Ok(())
    } else {
        Err(format!("{links:?}"))
    }
}
