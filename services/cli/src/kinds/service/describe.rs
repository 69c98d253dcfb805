//! A Service.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::{ingress, kind, pairs};
use crate::kinds::endpoint::is_ready;
use crate::output::lines::Lines;
use crate::output::table::or_none;
use crate::shape::Port;
use crate::words;

/// As kubectl: more endpoints than this are counted.
const MAX_ENDPOINTS: usize = 3;

/// A Service, its endpoints by port, and its events.
pub(crate) fn service(
    service: &v1::Service,
    backends: &[v1::Endpoint],
    events: &[v1::Event],
    now: Timestamp,
) -> String {
    let spec = service.spec.clone().unwrap_or_default();
    let mut lines = Lines::about(service);
    lines.field("Selector", or_none(pairs(&spec.selector)));
    lines.field("Type", kind(&spec));
    addresses(&mut lines, service, &spec);
    for port in &spec.ports {
        one_port(&mut lines, port, backends);
    }
    policies(&mut lines, &spec);
    let status = service.status.clone().unwrap_or_default();
    lines.field(
        "Nodes",
        format!("{} of {} programmed", status.programmed_nodes, status.nodes),
    );
    lines.conditions(&status.conditions);
    lines.events(events, now);
    lines.end()
}

fn addresses(lines: &mut Lines, service: &v1::Service, spec: &v1::ServiceSpec) {
    let families = words::spell_all(words::FAMILIES, &spec.ip_families);
    lines.unless_empty(
        "IP Family Policy",
        words::spell(words::FAMILY_POLICIES, spec.ip_family_policy),
    );
    lines.unless_empty("IP Families", families.join(","));
    lines.field(
        "IP",
        or_none(spec.cluster_ips.first().cloned().unwrap_or_default()),
    );
    lines.unless_empty("IPs", spec.cluster_ips.join(","));
    lines.unless_empty("External Name", &spec.external_name);
    lines.unless_empty(
        "Desired LoadBalancer IP",
        spec.requested_load_balancer_ips.join(","),
    );
    lines.unless_empty("LoadBalancer Ingress", ingress(service).join(", "));
}

fn one_port(lines: &mut Lines, port: &v1::ServicePort, backends: &[v1::Endpoint]) {
    let protocol = words::protocol(port.protocol);
    let name = match port.name.as_str() {
        "" => "<unset>",
        name => name,
    };
    let target = port.target.as_ref();
    let target = target.map_or_else(|| port.port.to_string(), Port::text);
    lines.field("Port", format!("{name}  {}/{protocol}", port.port));
    lines.field("TargetPort", format!("{target}/{protocol}"));
    lines.unless_empty(
        "AppProtocol",
        port.app_protocol.as_deref().unwrap_or_default(),
    );
    if port.node_port != 0 {
        lines.field("NodePort", format!("{name}  {}/{protocol}", port.node_port));
    }
    lines.field("Endpoints", endpoints_of(port, backends));
}

/// The ready ones by address, and how many are not ready.
fn endpoints_of(port: &v1::ServicePort, backends: &[v1::Endpoint]) -> String {
    let (mut ready, mut others) = (Vec::new(), 0);
    for spec in backends
        .iter()
        .filter_map(|endpoint| endpoint.spec.as_ref())
    {
        let serves = |p: &&v1::EndpointPort| {
            p.service_port == port.name
                && words::protocol(p.protocol) == words::protocol(port.protocol)
        };
        let Some(at) = spec.ports.iter().find(serves) else {
            continue;
        };
        match is_ready(spec) {
            true if spec.address.contains(':') => {
                ready.push(format!("[{}]:{}", spec.address, at.port));
            }
            true => ready.push(format!("{}:{}", spec.address, at.port)),
            false => others += 1,
        }
    }
    let more = match ready.len().saturating_sub(MAX_ENDPOINTS) {
        0 => String::new(),
        more => format!(" + {more} more..."),
    };
    let others = match others {
        0 => String::new(),
        others => format!(" ({others} not ready)"),
    };
    ready.truncate(MAX_ENDPOINTS);
    format!("{}{more}{others}", or_none(ready.join(",")))
}

fn policies(lines: &mut Lines, spec: &v1::ServiceSpec) {
    let affinity = match words::spell(words::AFFINITIES, spec.session_affinity) {
        "" => "None",
        word => word,
    };
    lines.field("Session Affinity", affinity);
    let config = spec.session_affinity_config.as_ref();
    if let Some(seconds) = config.and_then(|config| config.client_ip_timeout_seconds) {
        lines.field("Affinity Timeout", format!("{seconds}s"));
    }
    let policy = |policy| words::spell(words::POLICIES, policy);
    lines.unless_empty(
        "External Traffic Policy",
        policy(spec.external_traffic_policy),
    );
    lines.unless_empty(
        "Internal Traffic Policy",
        policy(spec.internal_traffic_policy),
    );
    if spec.health_check_node_port != 0 {
        lines.field(
            "HealthCheck NodePort",
            spec.health_check_node_port.to_string(),
        );
    }
    lines.unless_empty(
        "LoadBalancer Source Ranges",
        spec.load_balancer_source_ranges.join(","),
    );
    lines.unless_empty(
        "Traffic Distribution",
        words::spell(words::DISTRIBUTIONS, spec.traffic_distribution),
    );
}
