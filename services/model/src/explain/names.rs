//! What a Service's names resolve to (the DNS schema of Kubernetes, version 1.1.0).

use std::fmt;
use std::net::IpAddr;

use super::finding::list;
use super::{About, Finding, Severity, Symptom};
use crate::{Endpoint, Name, Protocol, Scoped, ServicePort, ServiceType};

/// Records that an answer lists.
const MOST_RECORDS: usize = 100;

/// A record that a name server of the cluster answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name asked for, with its final dot.
    pub name: String,
    /// What kind of record it is.
    pub record_type: RecordType,
    /// What comes back.
    pub data: String,
}

/// What kind of record it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// Where a port is.
    Srv,
    /// None: the name does not exist.
    Nxdomain,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Srv => "SRV",
            Self::Nxdomain => "NXDOMAIN",
        })
    }
}

impl Record {
    fn new(name: &str, record_type: RecordType, data: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            record_type,
            data: data.into(),
        }
    }

    fn address(name: &str, address: IpAddr) -> Self {
        let record_type = if address.is_ipv4() {
            RecordType::A
        } else {
            RecordType::Aaaa
        };
        Self::new(name, record_type, address.to_string())
    }
}

pub(super) fn records(about: &About<'_>) -> Vec<Record> {
    let (base, spec) = (base(about), &about.service.spec);
    if spec.kind == ServiceType::ExternalName {
        let target = spec.external_name.as_deref().unwrap_or_default();
        let target = format!("{}.", target.trim_end_matches('.'));
        return vec![Record::new(&base, RecordType::Cname, target)];
    }
    let mut records: Vec<_> = if about.is_headless() {
        headless(about, &base).take(MOST_RECORDS).collect()
    } else {
        let addresses = spec.cluster_ips.addresses().iter();
        let addresses = addresses.map(|address| Record::address(&base, *address));
        let ports = named_ports(about).map(|port| srv(&base, port, port.port, &base));
        addresses.chain(ports).take(MOST_RECORDS).collect()
    };
    if records.is_empty() {
        records.push(Record::new(&base, RecordType::Nxdomain, ""));
    }
    records
}

/// A headless Service is its ready endpoints.
fn headless<'a>(about: &'a About<'_>, base: &'a str) -> impl Iterator<Item = Record> + 'a {
    let own_name = move |endpoint: &Endpoint| {
        let hostname = endpoint.hostname.clone();
        let own = hostname.unwrap_or_else(|| own_label(endpoint.address));
        format!("{own}.{base}")
    };
    let all = about.ready().map(|e| Record::address(base, e.address));
    let own = about
        .ready()
        .map(move |e| Record::address(&own_name(e), e.address));
    let ports = named_ports(about).flat_map(move |port| {
        about.ready().filter_map(move |endpoint| {
            let mut ports = endpoint.ports.iter();
            let target = ports.find(|p| p.service_port == port.name)?;
            Some(srv(base, port, target.port, &own_name(endpoint)))
        })
    });
    all.chain(own).chain(ports)
}

/// Ports without a name have no record.
fn named_ports<'a>(about: &About<'a>) -> impl Iterator<Item = &'a ServicePort> + use<'a> {
    let ports = about.service.spec.ports.iter();
    ports.filter(|port| !port.name.is_empty())
}

/// The name of an endpoint that has none: its address, made a DNS label, as `CoreDNS` does.
fn own_label(address: IpAddr) -> String {
    let label = address.to_string().replace(['.', ':'], "-");
    let padding = if label.ends_with('-') { "0" } else { "" };
    format!("{label}{padding}")
}

fn srv(base: &str, port: &ServicePort, number: u16, target: &str) -> Record {
    let protocol = match port.protocol {
        Protocol::Tcp => "_tcp",
        Protocol::Udp => "_udp",
        Protocol::Sctp => "_sctp",
    };
    let name = format!("_{}.{protocol}.{base}", port.name);
    // Priority and weight say nothing: a frontend balances by itself.
    Record::new(&name, RecordType::Srv, format!("0 100 {number} {target}"))
}

/// The Service's own name, with its final dot.
fn base(about: &About<'_>) -> String {
    let (name, namespace) = (&about.service.meta.name, &about.service.namespace);
    format!("{name}.{namespace}.svc.{}.", domain(about))
}

fn domain<'a>(about: &About<'a>) -> &'a str {
    let cluster = about.state.cluster();
    cluster.map_or("cluster.local", |cluster| {
        cluster.spec.dns_domain.trim_end_matches('.')
    })
}

pub(super) fn findings(about: &About<'_>, records: &[Record]) -> Vec<Finding> {
    let name = base(about);
    let name = name.trim_end_matches('.');
    if let Some(finding) = dangling(about) {
        return vec![finding];
    }
    if records
        .iter()
        .any(|record| record.record_type == RecordType::Nxdomain)
    {
        return vec![Finding::new(
            Severity::Error,
            "NAME_HAS_NO_ADDRESS",
            Symptom::NameNotResolved,
            format!(
                "{name} does not exist (NXDOMAIN), by intent: a headless Service resolves to its ready endpoints, and there are none"
            ),
            "get endpoints ready, or set publishNotReadyAddresses to resolve to all of them",
        )];
    }
    let data: Vec<_> = records
        .iter()
        .filter(|r| r.name.trim_end_matches('.') == name)
        .map(|r| &r.data)
        .collect();
    let (service, namespace) = (&about.service.meta.name, &about.service.namespace);
    let cause = format!(
        "{name} resolves to {}; the short name {service} does in namespace {namespace} alone, elsewhere it is {service}.{namespace}",
        list(&data)
    );
    vec![Finding::ok("NAME_RESOLVES", cause)]
}

/// An alias for a Service that is not there.
fn dangling(about: &About<'_>) -> Option<Finding> {
    let spec = &about.service.spec;
    let target = spec
        .external_name
        .as_deref()
        .filter(|_| spec.kind == ServiceType::ExternalName)?;
    let target = target.trim_end_matches('.');
    let below = target.strip_suffix(domain(about))?.strip_suffix(".svc.")?;
    let (service, namespace) = below.split_once('.')?;
    if namespace.contains('.') {
        // The name of an endpoint below a headless Service.
        return None;
    }
    let key = Scoped::new(Name::trusted(namespace), Name::trusted(service));
    if about.state.service(&key).is_some() {
        return None;
    }
    Some(Finding::new(
        Severity::Error,
        "ALIAS_DANGLES",
        Symptom::NameNotResolved,
        format!("it is an alias of {target}, but there is no Service {key}"),
        "create that Service, or correct externalName",
    ))
}
