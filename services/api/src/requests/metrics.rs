//! How many requests there were, how they ended and how long they took, under the names that gRPC's dashboards know.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::HeaderMap;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::Code;

use super::answers::Answers;
use super::connection::{Connection, OpenRequest};
use super::room::Room;

/// Codes of gRPC are 0 to 16.
const CODES: usize = 17;
/// Verbs of methods that answer with many objects.
const LARGE: [&str; 3] = ["List", "BatchGet", "Dump"];
/// Services that are answered even where all places for connections are taken.
const ESSENTIAL: [&str; 2] = ["portolan.node.v1.NodeSync", "grpc.health.v1.Health"];
/// What calls of unknown methods are counted as: a peer must not make series.
const UNKNOWN: &str = "unknown";

type Labels = Vec<(&'static str, String)>;
type Latencies = Family<Labels, Histogram, fn() -> Histogram>;

/// Counters and latencies of all methods. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Methods>);

struct Methods {
    by_path: HashMap<String, Arc<Method>>,
    unknown: Arc<Method>,
    started: Family<Labels, Counter>,
    handled: Family<Labels, Counter>,
    latency: Latencies,
    held: Gauge,
    waiting: Gauge,
    under_way: Gauge,
}

/// One method. What it counts is looked up once, so that a request costs no lock.
struct Method {
    labels: Labels,
    kind: Kind,
    started: OnceLock<Counter>,
    handled: [OnceLock<Counter>; CODES],
    latency: OnceLock<Histogram>,
}

/// What a method asks of a server.
#[derive(Copy, Clone, Default)]
pub(super) struct Kind {
    /// Many messages come.
    pub(super) takes_stream: bool,
    /// What it is answered with.
    pub(super) answer: Answer,
    /// Nodes and probes of health depend on it.
    pub(super) is_essential: bool,
}

/// What a method is answered with.
#[derive(Copy, Clone, Default, PartialEq, Eq)]
pub(super) enum Answer {
    /// One message.
    #[default]
    Small,
    /// One message that may be as large as a page.
    Large,
    /// Many messages.
    Stream,
}

impl Kind {
    fn of(service: &str, method: &MethodDescriptorProto) -> Self {
        let is_large = LARGE.iter().any(|verb| method.name().starts_with(verb));
        let answer = match (method.server_streaming(), is_large) {
            (true, _) => Answer::Stream,
            (false, true) => Answer::Large,
            (false, false) => Answer::Small,
        };
        Self {
            takes_stream: method.client_streaming(),
            answer,
            is_essential: ESSENTIAL.contains(&service),
        }
    }
}

/// A request that is being answered. Dropping it is its end: with the code that was seen, or else because the caller went
/// away.
pub(super) struct Handling {
    metrics: Metrics,
    method: Arc<Method>,
    began: Instant,
    code: Option<Code>,
    _open: Option<OpenRequest>,
}

impl Metrics {
    /// Counts the methods of these encoded sets of descriptors each on its own.
    pub fn new(sets: &[&[u8]]) -> Self {
        let files = sets.iter().flat_map(|set| {
            let set = FileDescriptorSet::decode(*set);
            set.expect("the build encoded it").file
        });
        let services = files.flat_map(|file| {
            let package = file.package().to_owned();
            file.service.into_iter().map(move |service| {
                let name = format!("{package}.{}", service.name());
                (name, service.method)
            })
        });
        let by_path = services.flat_map(|(service, methods)| {
            methods.into_iter().map(move |method| {
                let path = format!("/{service}/{}", method.name());
                let kind = Kind::of(&service, &method);
                (path, Method::new(&service, method.name(), kind))
            })
        });
        Self(Arc::new(Methods {
            by_path: by_path.collect(),
            unknown: Method::new(UNKNOWN, UNKNOWN, Kind::default()),
            started: Family::default(),
            handled: Family::default(),
            latency: Family::new_with_constructor(latencies),
            held: Gauge::default(),
            waiting: Gauge::default(),
            under_way: Gauge::default(),
        }))
    }

    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "grpc_server_started",
            "Requests that began",
            self.0.started.clone(),
        );
        registry.register(
            "grpc_server_handled",
            "Requests that ended, by code; Canceled if the caller went away",
            self.0.handled.clone(),
        );
        registry.register(
            "grpc_server_handling_seconds",
            "Time from a request's head to its last byte; of streams, how long they lasted",
            self.0.latency.clone(),
        );
        let ours = registry.sub_registry_with_prefix("portolan_requests");
        ours.register(
            "held_bytes",
            "Octets of requests that are half sent or being answered",
            self.0.held.clone(),
        );
        ours.register(
            "waiting",
            "Requests for large answers that wait for their turn",
            self.0.waiting.clone(),
        );
        ours.register(
            "large_answers",
            "Large answers that are being made or delivered",
            self.0.under_way.clone(),
        );
    }

    /// What limits show how far they are used.
    pub(super) fn limits(&self) -> (Room, Answers) {
        let shown = &self.0;
        let answers = Answers::new(shown.waiting.clone(), shown.under_way.clone());
        (Room::new(shown.held.clone()), answers)
    }

    /// A request begins.
    pub(super) fn begin(&self, path: &str, connection: Option<&Arc<Connection>>) -> Handling {
        let methods = &self.0;
        let method = methods.by_path.get(path).unwrap_or(&methods.unknown);
        let started = || methods.started.get_or_create_owned(&method.labels);
        method.started.get_or_init(started).inc();
        Handling {
            metrics: self.clone(),
            method: method.clone(),
            began: Instant::now(),
            code: None,
            _open: connection.map(Connection::begin),
        }
    }
}

/// From 100 µs to half a minute, in steps of 1.9.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 1.9, 20))
}

impl Method {
    fn new(service: &str, method: &str, kind: Kind) -> Arc<Self> {
        Arc::new(Self {
            kind,
            labels: vec![
                ("grpc_service", service.to_owned()),
                ("grpc_method", method.to_owned()),
            ],
            started: OnceLock::new(),
            handled: [const { OnceLock::new() }; CODES],
            latency: OnceLock::new(),
        })
    }
}

impl Handling {
    /// What its method asks of the server.
    pub(super) fn kind(&self) -> Kind {
        self.method.kind
    }

    /// Takes note of the code in headers or trailers that have one.
    pub(super) fn look(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get("grpc-status") {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let (methods, method) = (&self.metrics.0, &self.method);
        let code = self.code.unwrap_or(Code::Cancelled);
        let handled = || {
            let mut labels = method.labels.clone();
            labels.push(("grpc_code", word(code).to_owned()));
            methods.handled.get_or_create_owned(&labels)
        };
        let number = usize::try_from(i32::from(code)).unwrap_or(0);
        method.handled[number].get_or_init(handled).inc();
        let latency = || methods.latency.get_or_create_owned(&method.labels);
        let latency = method.latency.get_or_init(latency);
        latency.observe(self.began.elapsed().as_secs_f64());
    }
}

/// A code's name in gRPC's specification, as other servers label it.
fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
