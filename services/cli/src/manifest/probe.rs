//! Readiness probes, in Kubernetes' shape.

use portolan_proto::v1;
use v1::probe::Action;

use super::read::{Fields, Place};
use super::service::{PortOrName, port_or_name};

/// What a probe says.
pub(super) enum ReadProbe {
    Probe(v1::Probe),
    /// It asks for something that no agent can do from outside the workload; the text names it.
    NotRunnable(&'static str),
}

/// `strict` refuses what is not known; a Pod may hold fields of a newer Kubernetes.
pub(super) fn read(place: &Place<'_>, strict: bool) -> Option<ReadProbe> {
    let fields = place.fields()?;
    if !strict && fields.get("exec").is_some() {
        return Some(ReadProbe::NotRunnable("exec"));
    }
    let probe = v1::Probe {
        action: action(&fields, strict),
        initial_delay_seconds: fields.integer("initialDelaySeconds"),
        period_seconds: fields.integer("periodSeconds"),
        timeout_seconds: fields.integer("timeoutSeconds"),
        success_threshold: fields.integer("successThreshold"),
        failure_threshold: fields.integer("failureThreshold"),
    };
    if strict {
        fields.refuse_unknown(&[]);
    }
    let http = fields.get("httpGet");
    if let Some(http) = http.filter(|http| http.node.text("scheme") == Some("HTTPS")) {
        if strict {
            http.refuse("HTTPS can't be probed: use scheme HTTP, tcpSocket or grpc");
        }
        return Some(ReadProbe::NotRunnable("HTTPS"));
    }
    Some(ReadProbe::Probe(probe))
}

fn action(fields: &Fields<'_>, strict: bool) -> Option<Action> {
    let actions = [
        fields.fields("httpGet").map(|f| http_get(&f, strict)),
        fields.fields("tcpSocket").map(|f| tcp_connect(&f, strict)),
        fields.fields("grpc").map(|f| grpc_check(&f, strict)),
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

fn http_get(fields: &Fields<'_>, strict: bool) -> Action {
    use v1::http_get::Target;
    let http = v1::HttpGet {
        path: fields.text("path"),
        target: port(fields).map(|port| match port {
            PortOrName::Port(number) => Target::Port(number),
            PortOrName::Name(name) => Target::PortName(name),
        }),
        host: fields.text("host"),
        headers: fields
            .list("httpHeaders")
            .iter()
            .filter_map(|place| header(place, strict))
            .collect(),
    };
    if let Some(scheme) = fields.get("scheme") {
        scheme.word(&[("HTTP", ()), ("HTTPS", ())]);
    }
    if strict {
        fields.refuse_unknown(&[]);
    }
    Action::HttpGet(http)
}

fn header(place: &Place<'_>, strict: bool) -> Option<v1::HttpHeader> {
    let fields = place.fields()?;
    let header = v1::HttpHeader {
        name: fields.text("name"),
        value: fields.text("value"),
    };
    if strict {
        fields.refuse_unknown(&[]);
    }
    Some(header)
}

fn tcp_connect(fields: &Fields<'_>, strict: bool) -> Action {
    use v1::tcp_connect::Target;
    let target = port(fields).map(|port| match port {
        PortOrName::Port(number) => Target::Port(number),
        PortOrName::Name(name) => Target::PortName(name),
    });
    if strict {
        fields.refuse_unknown(&[]);
    }
    Action::TcpConnect(v1::TcpConnect { target })
}

fn grpc_check(fields: &Fields<'_>, strict: bool) -> Action {
    let check = v1::GrpcCheck {
        port: fields.integer("port"),
        service: fields.text("service"),
    };
    if strict {
        fields.refuse_unknown(&[]);
    }
    Action::GrpcCheck(check)
}

fn port(fields: &Fields<'_>) -> Option<PortOrName> {
    let port = fields.get("port");
    if port.is_none() {
        fields.missing("port", "it says where to probe");
    }
    port.as_ref().and_then(port_or_name)
}
