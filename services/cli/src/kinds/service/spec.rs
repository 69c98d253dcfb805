//! Every field of a Service's specification, as Kubernetes writes it.

use portolan_proto::v1;

use crate::manifest::read::Fields as Read;
use crate::output::yaml::Fields;
use crate::shape::{Always, Plain, PortOrName, Shape, Word, message};
use crate::words;

message! { v1::ServiceSpec {
    r#type: Word("type", words::SERVICE_TYPES),
    selector: Plain("selector"),
    ports: Plain("ports"),
    cluster_ips: ClusterIps,
    ip_families: Word("ipFamilies", words::FAMILIES),
    ip_family_policy: Word("ipFamilyPolicy", words::FAMILY_POLICIES),
    session_affinity: Word("sessionAffinity", words::AFFINITIES),
    session_affinity_config: Plain("sessionAffinityConfig"),
    external_traffic_policy: Word("externalTrafficPolicy", words::POLICIES),
    internal_traffic_policy: Word("internalTrafficPolicy", words::POLICIES),
    traffic_distribution: Word("trafficDistribution", words::DISTRIBUTIONS),
    external_name: Plain("externalName"),
    publish_not_ready_addresses: Plain("publishNotReadyAddresses"),
    health_check_node_port: Plain("healthCheckNodePort"),
    allocate_load_balancer_node_ports: Plain("allocateLoadBalancerNodePorts"),
    load_balancer_class: Plain("loadBalancerClass"),
    load_balancer_source_ranges: Plain("loadBalancerSourceRanges"),
    requested_load_balancer_ips: LoadBalancerIps,
} first refuse_external_ips; shown SHOWN; }

/// What a Service is comes before what becomes of its traffic, and its address before its ports.
const SHOWN: &str = "type selector clusterIP clusterIPs ipFamilies ipFamilyPolicy ports externalName \
    externalTrafficPolicy internalTrafficPolicy trafficDistribution sessionAffinity sessionAffinityConfig \
    publishNotReadyAddresses healthCheckNodePort allocateLoadBalancerNodePorts loadBalancerClass \
    loadBalancerIP requestedLoadBalancerIPs";

message! { v1::ServicePort {
    name: Plain("name"),
    port: Always("port"),
    protocol: Word("protocol", words::PROTOCOLS),
    target: PortOrName("targetPort"),
    app_protocol: Plain("appProtocol"),
    node_port: Plain("nodePort"),
} shown "name appProtocol protocol"; }

message! { v1::SessionAffinityConfig {
    client_ip_timeout_seconds: ClientIpTimeout,
} }

fn refuse_external_ips(fields: &Read<'_>) {
    if let Some(place) = fields.get("externalIPs")
        && !place.list().is_empty()
    {
        place.refuse(
            "not supported: with it any tenant could take over any address (CVE-2020-8554); leave it out, and use type NodePort or LoadBalancer",
        );
    }
}

/// Either of `clusterIP` and `clusterIPs` will do; together the first of the list is the single one.
struct ClusterIps;

impl Shape<Vec<String>> for ClusterIps {
    fn read(&self, fields: &Read<'_>) -> Vec<String> {
        let single = fields.get("clusterIP");
        let (ip, ips) = (fields.text("clusterIP"), fields.texts("clusterIPs"));
        match (ip.as_str(), ips.first()) {
            ("", _) => ips,
            (_, None) => vec![ip],
            (ip, Some(first)) => {
                if let Some(place) = single.filter(|_| ip != first) {
                    place.refuse(format!(
                        "{ip} differs from clusterIPs[0], which is {first}: leave one of them out"
                    ));
                }
                ips
            }
        }
    }

    fn write(&self, ips: &Vec<String>, to: Fields) -> Fields {
        to.field("clusterIP", ips.first().cloned().unwrap_or_default())
            .field("clusterIPs", ips.clone())
    }
}

/// The one field of `clientIP`, which the API has without a map around it.
struct ClientIpTimeout;

impl Shape<Option<i32>> for ClientIpTimeout {
    fn read(&self, fields: &Read<'_>) -> Option<i32> {
        let client_ip = fields.fields("clientIP")?;
        let timeout = client_ip.get("timeoutSeconds")?.integer();
        client_ip.refuse_unknown(&[]);
        timeout
    }

    fn write(&self, timeout: &Option<i32>, to: Fields) -> Fields {
        let client_ip = Plain("timeoutSeconds").write(timeout, Fields::new());
        to.always("clientIP", client_ip.end())
    }
}

/// Kubernetes has the single `loadBalancerIP`; the list is ours, one address a family.
struct LoadBalancerIps;

impl Shape<Vec<String>> for LoadBalancerIps {
    fn read(&self, fields: &Read<'_>) -> Vec<String> {
        let mut addresses = fields.texts("requestedLoadBalancerIPs");
        let single = fields.text("loadBalancerIP");
        if !single.is_empty() && !addresses.contains(&single) {
            addresses.insert(0, single);
        }
        addresses
    }

    fn write(&self, addresses: &Vec<String>, to: Fields) -> Fields {
        match addresses.as_slice() {
            [one] => to.field("loadBalancerIP", one.as_str()),
            many => to.field("requestedLoadBalancerIPs", many.to_vec()),
        }
    }
}
