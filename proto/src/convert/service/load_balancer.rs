//! What concerns load balancers, inwards.

use ipnet::IpNet;
use portolan_model::{FieldPath, Violations, canonical_cidr};

use super::super::fields::port;
use crate::v1;

/// 0 stands for "to be allocated".
pub(super) fn health_check_port(
    field: impl FieldPath,
    m: &v1::ServiceSpec,
    violations: &mut Violations,
) -> Option<u16> {
    let number = Some(m.health_check_node_port).filter(|number| *number != 0)?;
    let port = port(
        format_args!("{field}.health_check_node_port"),
        number,
        violations,
    );
    Some(port).filter(|port| *port != 0)
}

/// Ranges with blanks around them are common in manifests, and harmless. What only breaks a rule is kept, as in
/// [`super::super::fields::cidrs`].
pub(super) fn source_ranges(
    field: impl FieldPath,
    m: &v1::ServiceSpec,
    violations: &mut Violations,
) -> Vec<IpNet> {
    let texts = m.load_balancer_source_ranges.iter().enumerate();
    let parse = |(i, text): (usize, &String)| {
        let path = format_args!("{field}.load_balancer_source_ranges[{i}]");
        let strict = violations.check(path, canonical_cidr(text.trim()));
        strict.or_else(|| text.trim().parse().ok())
    };
    texts.filter_map(parse).collect()
}
