//! What a Service's names resolve to.

use std::fmt;
use std::net::IpAddr;

use super::finding::list;
use super::{About, Finding, Severity, Symptom};
use crate::names::{self, DnsData, DnsRecord, Names};
use crate::view::whole_views;
use crate::{DNS_DOMAIN, Name, Scoped, ServiceType};

/// Records that an answer lists.
const MOST_RECORDS: usize = 100;

/// A record that a name server of the cluster answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedRecord {
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
    /// The name of an address.
    Ptr,
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
            Self::Ptr => "PTR",
            Self::Nxdomain => "NXDOMAIN",
        })
    }
}

impl From<DnsRecord> for ExpectedRecord {
    fn from(record: DnsRecord) -> Self {
        let record_type = match &record.data {
            DnsData::Address(IpAddr::V4(_)) => RecordType::A,
            DnsData::Address(IpAddr::V6(_)) => RecordType::Aaaa,
            DnsData::Alias(_) => RecordType::Cname,
            DnsData::Port { .. } => RecordType::Srv,
            DnsData::Pointer(_) => RecordType::Ptr,
        };
        Self {
            name: record.name,
            record_type,
            data: record.data.to_string(),
        }
    }
}

pub(super) fn records(about: &About<'_>) -> Vec<ExpectedRecord> {
    let (service, endpoints) = whole_views(about.service, &about.endpoints);
    let names = Names::new(domain(about), &service, &endpoints);
    let records = names.records().into_iter().take(MOST_RECORDS);
    let mut records: Vec<_> = records.map(ExpectedRecord::from).collect();
    if records.is_empty() {
        records.push(ExpectedRecord {
            name: base(about),
            record_type: RecordType::Nxdomain,
            data: String::new(),
        });
    }
    records
}

/// The Service's own name, with its final dot.
fn base(about: &About<'_>) -> String {
    let (name, namespace) = (&about.service.meta.name, &about.service.namespace);
    names::base(domain(about), namespace, name)
}

fn domain<'a>(about: &About<'a>) -> &'a str {
    let cluster = about.state.cluster();
    cluster.map_or(DNS_DOMAIN, |cluster| {
        cluster.spec.dns_domain.trim_end_matches('.')
    })
}

pub(super) fn findings(about: &About<'_>, records: &[ExpectedRecord]) -> Vec<Finding> {
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
