//! From paths of a request (`service.spec.ports[1].node_port`) to paths of a manifest (`spec.ports[1].nodePort`).

mod endpoint;

use crate::kind::Kind;
use crate::manifest::{Item, Manifest};

/// Fields that Kubernetes spells otherwise than by camel case.
const SPELLINGS: &[(&str, &str)] = &[
    ("client_ip_timeout_seconds", "clientIP.timeoutSeconds"),
    ("cluster_ips", "clusterIPs"),
    ("grpc_check", "grpc"),
    ("headers", "httpHeaders"),
    ("load_balancer_ips", "loadBalancerIPs"),
    ("port_name", "port"),
    ("requested_load_balancer_ips", "requestedLoadBalancerIPs"),
    ("service_cidrs", "serviceCIDRs"),
    ("service_port", "name"),
    ("target_port_name", "targetPort"),
    ("tcp_connect", "tcpSocket"),
];

/// `None` if `field` is no field of a request.
pub(super) fn yaml(field: &str, manifest: Option<&Manifest>) -> Option<String> {
    if field.starts_with("endpoints[") {
        let listed = manifest.and_then(|manifest| endpoint::yaml(field, manifest));
        return Some(listed.unwrap_or_else(|| spell(&field.replacen(".spec", "", 1))));
    }
    if field.starts_with("service_cidrs") {
        return Some(format!("spec.{}", spell(field)));
    }
    let (resource, rest) = field.split_once('.').unwrap_or((field, ""));
    let path = match rest {
        "" => return outside(resource, manifest),
        _ if !Kind::is_message(resource) => return None,
        rest => {
            let metadata = ["name", "labels", "annotations"].iter().any(|own| {
                rest.strip_prefix(own)
                    .is_some_and(|r| !r.starts_with(char::is_alphanumeric))
            });
            let prefix = if metadata { "metadata." } else { "" };
            format!("{prefix}{}", spell(rest))
        }
    };
    Some(written(path, manifest))
}

/// What a request says beside its resource.
fn outside(field: &str, manifest: Option<&Manifest>) -> Option<String> {
    let path = match field {
        "source" if manifest.is_some_and(|m| m.places.iter().any(|p| p.starts_with("spec."))) => {
            "spec.source"
        }
        "source" => "metadata.name",
        // Of endpoints: it is named like them.
        "service" if manifest.is_some_and(|m| matches!(m.item, Item::Endpoints(_))) => {
            "metadata.name"
        }
        "parent" => "metadata.namespace",
        id if id.strip_suffix("_id").is_some_and(Kind::is_message) => "metadata.name",
        _ => return None,
    };
    Some(path.to_owned())
}

/// The path as it is written in this manifest, where there are two ways.
fn written(path: String, manifest: Option<&Manifest>) -> String {
    let Some(manifest) = manifest else {
        return path;
    };
    let document = manifest.source.document();
    if document.and_then(|document| document.text("kind")) == Some("Pod") {
        return pod(&path);
    }
    match path.as_str() {
        "spec.clusterIPs" | "spec.clusterIPs[0]" if cluster_ip(manifest) == "spec.clusterIP" => {
            "spec.clusterIP".to_owned()
        }
        "spec.requestedLoadBalancerIPs[0]" if has(manifest, "loadBalancerIP") => {
            "spec.loadBalancerIP".to_owned()
        }
        _ => path,
    }
}

/// People write `clusterIP` more often than the list whose first item it is.
pub(super) fn cluster_ip(manifest: &Manifest) -> &'static str {
    if has(manifest, "clusterIP") && !has(manifest, "clusterIPs") {
        "spec.clusterIP"
    } else {
        "spec.clusterIPs"
    }
}

fn has(manifest: &Manifest, field: &str) -> bool {
    let document = manifest.source.document();
    let spec = document.and_then(|document| document.get("spec"));
    spec.is_some_and(|spec| spec.get(field).is_some())
}

/// The path in the Pod that a workload was read from.
fn pod(path: &str) -> String {
    let rest = path.strip_prefix("spec.").unwrap_or_default();
    match rest.split(['.', '[']).next().unwrap_or_default() {
        "addresses" => rest.replacen("addresses", "status.podIPs", 1) + ".ip",
        "node" => "spec.nodeName".to_owned(),
        "ports" | "readinessProbe" => "spec.containers".to_owned(),
        _ => path.to_owned(),
    }
}

fn spell(path: &str) -> String {
    // What is in brackets may hold dots: `labels[app.kubernetes.io/name]`.
    let (fields, key) = match path.find('[') {
        Some(start) if !path[start + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
            path.split_at(start)
        }
        _ => (path, ""),
    };
    let parts: Vec<_> = fields.split('.').map(part).collect();
    parts.join(".") + key
}

fn part(part: &str) -> String {
    let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
    let special = SPELLINGS.iter().find(|(proto, _)| *proto == name);
    let name = special.map_or_else(|| camel(name), |(_, yaml)| (*yaml).to_owned());
    name + index
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::yaml;

    #[test]
    fn paths_are_spelled_as_in_yaml() {
        for (field, path) in [
            (
                "service.spec.ports[1].node_port",
                Some("spec.ports[1].nodePort"),
            ),
            (
                "service.spec.ports[0].target_port_name",
                Some("spec.ports[0].targetPort"),
            ),
            ("service.spec.cluster_ips[0]", Some("spec.clusterIPs[0]")),
            (
                "service.spec.session_affinity_config.client_ip_timeout_seconds",
                Some("spec.sessionAffinityConfig.clientIP.timeoutSeconds"),
            ),
            (
                "service.labels[app.kubernetes.io/part_of]",
                Some("metadata.labels[app.kubernetes.io/part_of]"),
            ),
            ("service.name", Some("metadata.name")),
            (
                "workload.spec.readiness_probe.http_get.port_name",
                Some("spec.readinessProbe.httpGet.port"),
            ),
            (
                "workload.spec.readiness_probe.tcp_connect",
                Some("spec.readinessProbe.tcpSocket"),
            ),
            (
                "endpoints[2].spec.ports[0].service_port",
                Some("endpoints[2].ports[0].name"),
            ),
            ("namespaces/default/services/web", None),
            ("10.96.0.0/12", None),
            ("", None),
        ] {
            assert_eq!(yaml(field, None).as_deref(), path, "{field}");
        }
    }
}
