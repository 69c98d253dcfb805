//! Readiness probes, in Kubernetes' shape.

use portolan_proto::v1;
use v1::probe::Action;

use crate::manifest::read::{Fields as Read, Place};
use crate::output::yaml::Fields;
use crate::shape::{Always, Message, Plain, Port, PortOrName, Shape, Value, message};

message! { v1::Probe {
    action: OneAction,
    initial_delay_seconds: Plain("initialDelaySeconds"),
    period_seconds: Plain("periodSeconds"),
    timeout_seconds: Plain("timeoutSeconds"),
    success_threshold: Plain("successThreshold"),
    failure_threshold: Plain("failureThreshold"),
} }

message! { v1::HttpGet {
    path: Plain("path"),
    target: ProbedPort,
    host: Plain("host"),
    headers: Plain("httpHeaders"),
} last scheme; }

message! { v1::HttpHeader {
    name: Always("name"),
    value: Always("value"),
} }

message! { v1::TcpConnect {
    target: ProbedPort,
} }

message! { v1::GrpcCheck {
    port: Always("port"),
    service: Plain("service"),
} }

fn scheme(fields: &Read<'_>) {
    if let Some(scheme) = fields.get("scheme") {
        scheme.word(&[("HTTP", ()), ("HTTPS", ())]);
    }
}

/// What a probe says.
pub(crate) enum ReadProbe {
    Probe(v1::Probe),
    /// It asks for something that no agent can do from outside the workload; the text names it.
    NotRunnable(&'static str),
}

/// Reads a probe. That of a Pod may ask for what only kubelet can do; ours is refused then.
pub(crate) fn read(place: &Place<'_>) -> Option<ReadProbe> {
    let fields = place.fields()?;
    if place.is_lenient() && fields.get("exec").is_some() {
        return Some(ReadProbe::NotRunnable("exec"));
    }
    let probe = <v1::Probe as Message>::read(&fields);
    let http = fields.get("httpGet");
    if let Some(http) = http.filter(|http| http.node.text("scheme") == Some("HTTPS")) {
        if !place.is_lenient() {
            http.refuse("HTTPS can't be probed: use scheme HTTP, tcpSocket or grpc");
        }
        return Some(ReadProbe::NotRunnable("HTTPS"));
    }
    Some(ReadProbe::Probe(probe))
}

/// A field that holds a probe.
pub(super) struct Probed(pub(super) &'static str);

impl Shape<Option<v1::Probe>> for Probed {
    fn read(&self, fields: &Read<'_>) -> Option<v1::Probe> {
        match read(&fields.get(self.0)?)? {
            ReadProbe::Probe(probe) => Some(probe),
            ReadProbe::NotRunnable(_) => None,
        }
    }

    fn write(&self, probe: &Option<v1::Probe>, to: Fields) -> Fields {
        Plain(self.0).write(probe, to)
    }
}

/// What a probe does: one of three fields.
struct OneAction;

impl Shape<Option<Action>> for OneAction {
    fn read(&self, fields: &Read<'_>) -> Option<Action> {
        let (http, tcp, grpc): (Option<_>, Option<_>, Option<_>) = (
            Plain("httpGet").read(fields),
            Plain("tcpSocket").read(fields),
            Plain("grpc").read(fields),
        );
        let actions = [
            http.map(Action::HttpGet),
            tcp.map(Action::TcpConnect),
            grpc.map(Action::GrpcCheck),
        ];
        let mut actions = actions.into_iter().flatten();
        let action = actions.next();
        if action.is_none() || actions.next().is_some() {
            fields
                .place
                .refuse("expected exactly one of httpGet, tcpSocket and grpc");
        }
        action
    }

    fn write(&self, action: &Option<Action>, to: Fields) -> Fields {
        match action {
            Some(Action::HttpGet(http)) => to.always("httpGet", http.document()),
            Some(Action::TcpConnect(tcp)) => to.always("tcpSocket", tcp.document()),
            Some(Action::GrpcCheck(grpc)) => to.always("grpc", grpc.document()),
            None => to,
        }
    }
}

/// The port that is probed, which must be said.
struct ProbedPort;

impl<P: Port> Shape<Option<P>> for ProbedPort {
    fn read(&self, fields: &Read<'_>) -> Option<P> {
        if fields.get("port").is_none() {
            fields.missing("port", "it says where to probe");
        }
        PortOrName("port").read(fields)
    }

    fn write(&self, port: &Option<P>, to: Fields) -> Fields {
        PortOrName("port").write(port, to)
    }
}
