//! Single fields, inwards.

use std::net::IpAddr;

use ipnet::IpNet;
use portolan_model::{Family, FieldPath, Protocol, Violations, canonical_cidr, parse_address};

use crate::v1;

/// A port from its wire form. Out of range: a violation, and 0, which later checks take as said already.
pub(super) fn port(field: impl FieldPath, number: i32, violations: &mut Violations) -> u16 {
    match u16::try_from(number) {
        Ok(port) if port != 0 => port,
        _ => {
            violations.add(field, format!("{number} is not between 1 and 65535"));
            0
        }
    }
}

/// An enum from its wire form; `None` and a violation if this release does not know the number.
pub(super) fn enumeration<E: TryFrom<i32>>(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Option<E> {
    let value = E::try_from(number).ok();
    if value.is_none() {
        violations.add(field, format!("{number} is no known value"));
    }
    value
}

pub(super) fn protocol(
    field: impl FieldPath,
    number: i32,
    violations: &mut Violations,
) -> Protocol {
    match enumeration(field, number, violations) {
        Some(v1::Protocol::Udp) => Protocol::Udp,
        Some(v1::Protocol::Sctp) => Protocol::Sctp,
        Some(v1::Protocol::Unspecified | v1::Protocol::Tcp) | None => Protocol::Tcp,
    }
}

pub(super) fn protocol_out(protocol: Protocol) -> i32 {
    match protocol {
        Protocol::Tcp => v1::Protocol::Tcp,
        Protocol::Udp => v1::Protocol::Udp,
        Protocol::Sctp => v1::Protocol::Sctp,
    }
    .into()
}

pub(super) fn family_out(family: Family) -> i32 {
    match family {
        Family::V4 => v1::IpFamily::Ipv4,
        Family::V6 => v1::IpFamily::Ipv6,
    }
    .into()
}

/// Addresses; those that are none become violations. What only breaks a rule is kept beside its violation: it may be
/// stored like that, from before there was the rule.
pub(super) fn addresses(
    field: impl FieldPath,
    texts: &[String],
    violations: &mut Violations,
) -> Vec<IpAddr> {
    let parse = |(i, text): (usize, &String)| {
        let strict = violations.check(format_args!("{field}[{i}]"), parse_address(text));
        strict.or_else(|| text.parse().ok())
    };
    texts.iter().enumerate().filter_map(parse).collect()
}

/// Seconds or a count: not negative.
pub(super) fn count(
    field: impl FieldPath,
    number: i32,
    default: u32,
    violations: &mut Violations,
) -> u32 {
    match u32::try_from(number) {
        Ok(0) => default,
        Ok(number) => number,
        Err(_) => {
            violations.add(field, "must not be negative");
            default
        }
    }
}

/// A text that stands for nothing if it is empty.
pub(super) fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Ranges; those that are none, or have host bits, become violations. What only breaks a rule is kept beside its
/// violation: it may be stored like that, from before there was the rule.
pub fn cidrs(field: impl FieldPath, texts: &[String], violations: &mut Violations) -> Vec<IpNet> {
    let parse = |(i, text): (usize, &String)| {
        let strict = violations.check(format_args!("{field}[{i}]"), canonical_cidr(text));
        strict.or_else(|| text.parse().ok())
    };
    texts.iter().enumerate().filter_map(parse).collect()
}
