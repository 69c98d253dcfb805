//! What a Service was given: addresses, node ports, a load balancer.

use super::{About, Finding, Severity, Symptom};
use crate::view::leaves_alone;
use crate::{ServiceType, TargetPort};

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    let mut findings = vec![allocated(about)];
    findings.extend(leaves_alone(about.service).map(|label| {
        Finding::new(
            Severity::Info,
            "LEFT_ALONE",
            Symptom::ConnectionRefused,
            format!("the label {label} says that the Service is not for Portolan's nodes: they do not carry it"),
            format!("remove the label {label}, or run the proxy that it means"),
        )
    }));
    findings.extend(load_balancer(about));
    findings
}

fn allocated(about: &About<'_>) -> Finding {
    let spec = &about.service.spec;
    let code = "ADDRESSES_ALLOCATED";
    let addresses = spec.cluster_ips.addresses();
    if spec.kind == ServiceType::ExternalName {
        return Finding::ok(
            code,
            "an ExternalName has no address: it is an alias in DNS",
        );
    }
    if about.is_headless() {
        let cause = "it is headless: it has no address by intent, its name leads to the endpoints themselves";
        return Finding::ok(code, cause);
    }
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let ports: Vec<_> = spec
        .ports
        .iter()
        .map(|port| {
            let target = match &port.target {
                TargetPort::Number(number) => number.to_string(),
                TargetPort::Name(name) => name.clone(),
            };
            let node_port = port
                .node_port
                .map(|n| format!(", node port {n}"))
                .unwrap_or_default();
            format!("{}/{} to {target}{node_port}", port.port, port.protocol)
        })
        .collect();
    Finding::ok(
        code,
        format!("{}; {}", addresses.join(", "), ports.join("; ")),
    )
}

fn load_balancer(about: &About<'_>) -> Option<Finding> {
    let spec = &about.service.spec;
    if spec.kind != ServiceType::LoadBalancer {
        return None;
    }
    let (severity, code) = match &spec.load_balancer_class {
        None => (Severity::Error, "LOAD_BALANCER_PENDING"),
        Some(_) => (Severity::Info, "LOAD_BALANCER_FOREIGN"),
    };
    let cause = match &spec.load_balancer_class {
        None => "no load-balancer pool exists yet that an address could come from".to_owned(),
        Some(class) => {
            format!("class {class} is another implementation's: the address is up to it")
        }
    };
    let ports: Vec<_> = spec
        .ports
        .iter()
        .filter_map(|port| port.node_port)
        .collect();
    let meanwhile = match ports.first() {
        Some(port) => {
            format!("reach it from outside at a node's address and port {port} meanwhile")
        }
        None => "set allocateLoadBalancerNodePorts to reach it at the nodes' addresses meanwhile"
            .to_owned(),
    };
    let remedy = match &spec.load_balancer_class {
        None => format!(
            "{meanwhile}, or name another implementation when it is created (loadBalancerClass)"
        ),
        Some(class) => format!("look at the implementation of class {class}; {meanwhile}"),
    };
    Some(Finding::new(
        severity,
        code,
        Symptom::AddressPending,
        cause,
        remedy,
    ))
}
