//! Where a flow goes, as people write it.

use std::net::IpAddr;

use portolan_proto::v1::Protocol;

use crate::client::Client;
use crate::commands::Connection;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::object::Object;
use crate::words;

/// `HOST:PORT`, `HOST:PORT/udp`, `[v6]:PORT`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    host: String,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
}

impl Destination {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let complain = || format!("{text:?} is no HOST:PORT, such as 10.96.0.10:80 or web:53/udp");
        let (at, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
        let (host, port) = at.rsplit_once(':').ok_or_else(complain)?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port != 0);
        let word = protocol.to_ascii_uppercase();
        let protocol = words::PROTOCOLS.iter().find(|(known, _)| *known == word);
        match (port, protocol) {
            (Some(port), Some((_, protocol))) if !host.is_empty() => Ok(Self {
                host: host.to_owned(),
                port,
                protocol: *protocol,
            }),
            _ => Err(complain()),
        }
    }

    /// The address itself, or the first one of the Service of that name.
    pub(super) async fn address(
        &self,
        client: &Client,
        connection: &Connection,
    ) -> Result<String, Failure> {
        if self.host.parse::<IpAddr>().is_ok() {
            return Ok(self.host.clone());
        }
        // `web`, `web.shop`, and `web.shop.svc.cluster.local` as DNS has it.
        let mut labels = self.host.split('.');
        let name = labels.next().unwrap_or_default();
        let namespace = labels.next().unwrap_or_else(|| connection.namespace());
        let path = connection.scope().path(Kind::Service, namespace, name);
        let Object::Service(service) = client.get(Kind::Service, &path).await? else {
            unreachable!("a Service was asked for");
        };
        let addresses = service.spec.unwrap_or_default().cluster_ips;
        let address = addresses.into_iter().find(|address| address != "None");
        address.ok_or_else(|| {
            Failure::Usage(format!(
                "Service {namespace}/{name} has no address of its own; name one of those that its name resolves to (`explain service {name}` lists them)"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_protocols_are_told_apart() {
        for (text, expected) in [
            ("10.96.0.1:80", Some(("10.96.0.1", 80, Protocol::Tcp))),
            ("web.shop:53/udp", Some(("web.shop", 53, Protocol::Udp))),
            ("[fd00::1]:443/TCP", Some(("fd00::1", 443, Protocol::Tcp))),
            ("web", None),
            ("web:http", None),
            (":80", None),
            ("web:0", None),
            ("web:80/quic", None),
        ] {
            let parsed = Destination::parse(text).ok();
            let parsed = parsed
                .as_ref()
                .map(|d| (d.host.as_str(), d.port, d.protocol));
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
