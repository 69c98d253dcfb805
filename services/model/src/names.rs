//! The names of Services in DNS (the schema of Kubernetes, version 1.1.0), made of the views that every node of a cluster
//! is sent: whoever answers or explains names makes the same records.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use crate::view::{EndpointView, FrontendAt, FrontendView, Reach, ServiceView};
use crate::{DNS_DOMAIN, Name, Protocol};

/// A record of the zone. Names are whole, with their final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// The name asked for.
    pub name: String,
    /// What comes back.
    pub data: DnsData,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsData {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME: another name.
    Alias(String),
    /// SRV: where a named port is.
    Port {
        /// Its number.
        port: u16,
        /// Whose it is.
        target: String,
    },
    /// PTR: the name of an address.
    Pointer(String),
}

impl fmt::Display for DnsData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Alias(name) | Self::Pointer(name) => f.write_str(name),
            // Priority and weight say nothing: a frontend balances by itself.
            Self::Port { port, target } => write!(f, "0 100 {port} {target}"),
        }
    }
}

/// A Service's own name, in a zone; an empty one is that of most clusters.
pub fn base(domain: &str, namespace: &Name, service: &Name) -> String {
    let domain = match domain.trim_end_matches('.') {
        "" => DNS_DOMAIN,
        domain => domain,
    };
    format!("{service}.{namespace}.svc.{domain}.")
}

/// A Service whose names are asked for.
pub struct Names<'a> {
    base: String,
    service: &'a ServiceView,
    endpoints: &'a [EndpointView],
}

impl<'a> Names<'a> {
    /// Of a Service with all its endpoints, in a zone.
    pub fn new(domain: &str, service: &'a ServiceView, endpoints: &'a [EndpointView]) -> Self {
        Self {
            base: base(domain, &service.namespace, &service.name),
            service,
            endpoints,
        }
    }

    /// Every record of the Service's name and of names below it; none if the name does not exist.
    pub fn records(&self) -> Vec<DnsRecord> {
        if !self.service.external_name.is_empty() {
            let target = self.service.external_name.trim_end_matches('.');
            return vec![record(&self.base, DnsData::Alias(format!("{target}.")))];
        }
        if self.service.headless {
            return self.headless();
        }
        let addresses = self.addresses().into_iter();
        let addresses = addresses.map(|address| record(&self.base, DnsData::Address(address)));
        let ports = distinct(
            self.frontends()
                .map(|f| (&*f.service_port, f.protocol, f.port)),
        );
        let ports = ports.into_iter().filter_map(|(name, protocol, port)| {
            self.port(name, protocol, port, self.base.clone())
        });
        addresses.chain(ports).collect()
    }

    /// The names of addresses: of virtual ones that of the Service, of a headless Service's endpoints their own.
    pub fn pointers(&self) -> Vec<DnsRecord> {
        let own = self.ready().filter(|_| self.service.headless);
        let own = own.map(|endpoint| (endpoint.address, self.own_name(endpoint)));
        let addresses = self.addresses().into_iter();
        let addresses = addresses.map(|address| (address, self.base.clone()));
        let pointers = addresses.chain(own);
        pointers
            .map(|(address, name)| record(&reverse(address), DnsData::Pointer(name)))
            .collect()
    }

    /// A headless Service is its ready endpoints.
    fn headless(&self) -> Vec<DnsRecord> {
        let address = |name: &str, e: &EndpointView| record(name, DnsData::Address(e.address));
        let all = self.ready().map(|e| address(&self.base, e));
        let own = self.ready().map(|e| address(&self.own_name(e), e));
        let ports = self.ready().flat_map(|e| &e.ports);
        let ports = distinct(ports.map(|port| (&*port.service_port, port.protocol)));
        let ports = ports.into_iter().flat_map(|(name, protocol)| {
            self.ready().filter_map(move |endpoint| {
                let mut ports = endpoint.ports.iter();
                let port = ports.find(|p| p.service_port == name && p.protocol == protocol)?;
                // Servers of projection version 2 don't tell it; then there is no record to make.
                self.port(name, protocol?, port.port, self.own_name(endpoint))
            })
        });
        all.chain(own).chain(ports).collect()
    }

    /// Where traffic from within the cluster arrives: at virtual addresses.
    fn frontends(&self) -> impl Iterator<Item = &'a FrontendView> {
        let frontends = self.service.frontends.iter();
        frontends.filter(|f| f.reach == Reach::Internal)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        distinct(self.frontends().filter_map(|frontend| match frontend.at {
            FrontendAt::Address(address) => Some(address),
            FrontendAt::NodePort(_) => None,
        }))
    }

    fn ready(&self) -> impl Iterator<Item = &'a EndpointView> {
        self.endpoints.iter().filter(|endpoint| endpoint.ready)
    }

    /// An endpoint's name below a headless Service. One that has none gets its address, made a DNS label, as `CoreDNS` does.
    fn own_name(&self, endpoint: &EndpointView) -> String {
        let own = match endpoint.hostname.as_str() {
            "" => {
                let label = endpoint.address.to_string().replace(['.', ':'], "-");
                let padding = if label.ends_with('-') { "0" } else { "" };
                format!("{label}{padding}")
            }
            hostname => hostname.to_owned(),
        };
        format!("{own}.{}", self.base)
    }

    /// Ports without a name have no record.
    fn port(&self, name: &str, protocol: Protocol, port: u16, target: String) -> Option<DnsRecord> {
        let transport = match protocol {
            Protocol::Tcp => "_tcp",
            Protocol::Udp => "_udp",
            Protocol::Sctp => "_sctp",
        };
        let full = format!("_{name}.{transport}.{}", self.base);
        (!name.is_empty()).then(|| record(&full, DnsData::Port { port, target }))
    }
}

fn record(name: &str, data: DnsData) -> DnsRecord {
    DnsRecord {
        name: name.to_owned(),
        data,
    }
}

/// The name under which the name of an address is asked for (RFC 1035, RFC 3596).
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev();
            let nibbles = nibbles.map(|byte| format!("{:x}.{:x}.", byte & 15, byte >> 4));
            format!("{}ip6.arpa.", nibbles.collect::<String>())
        }
    }
}

/// Each once, in the order in which it came first.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}
