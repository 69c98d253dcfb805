//! Ports of Services, inwards and outwards.

use portolan_model::{FieldPath, ServicePort, TargetPort, Violations};

use super::super::fields::{port, protocol, protocol_out};
use crate::v1;

pub(super) fn service_port(
    field: impl FieldPath,
    m: &v1::ServicePort,
    violations: &mut Violations,
) -> ServicePort {
    let number = port(format_args!("{field}.port"), m.port, violations);
    let target = match &m.target {
        None | Some(v1::service_port::Target::TargetPort(0)) => TargetPort::Number(number),
        Some(v1::service_port::Target::TargetPort(target)) => TargetPort::Number(port(
            format_args!("{field}.target_port"),
            *target,
            violations,
        )),
        Some(v1::service_port::Target::TargetPortName(name)) if name.is_empty() => {
            TargetPort::Number(number)
        }
        Some(v1::service_port::Target::TargetPortName(name)) => TargetPort::Name(name.clone()),
    };
    let node_port = Some(m.node_port).filter(|p| *p != 0);
    let node_port = node_port
        .map(|p| port(format_args!("{field}.node_port"), p, violations))
        .filter(|p| *p != 0);
    ServicePort {
        name: m.name.clone(),
        port: number,
        protocol: protocol(format_args!("{field}.protocol"), m.protocol, violations),
        // An unset target of an invalid port has been said already.
        target: if target == TargetPort::Number(0) {
            TargetPort::Number(1)
        } else {
            target
        },
        app_protocol: m.app_protocol.clone(),
        node_port,
    }
}

pub(super) fn port_to_wire(port: &ServicePort) -> v1::ServicePort {
    let target = match &port.target {
        TargetPort::Number(number) => v1::service_port::Target::TargetPort(i32::from(*number)),
        TargetPort::Name(name) => v1::service_port::Target::TargetPortName(name.clone()),
    };
    v1::ServicePort {
        name: port.name.clone(),
        port: port.port.into(),
        protocol: protocol_out(port.protocol),
        target: Some(target),
        app_protocol: port.app_protocol.clone(),
        node_port: port.node_port.map_or(0, i32::from),
    }
}
