//! What the node itself has to have: a kernel that is new enough, sysctls of IPVS, and the way of marked packets to it:
//! `ip rule add fwmark MARK/MARK table 112` and `ip route add local default dev lo table 112`, both with `proto 112`.
//! Their number does not depend on the Services, and no address becomes the node's own.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteScope, RouteType};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use rtnetlink::{Handle, IpVersion, RouteMessageBuilder, new_connection_with_strict_check};

use crate::mark::MarkBit;

/// Marks what is ours, so that nothing else is ever removed; unused in `/etc/iproute2/rt_protos`.
const OWNER: RouteProtocol = RouteProtocol::Other(112);
/// Number of our routing table; the kernel's own are from 253 on.
const TABLE: u8 = 112;
/// Where our rule is: behind the kernel's own for local addresses (0), before the one for the main table (32766).
const PRIORITY: u32 = 112;
/// `lo` has this index in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// From this kernel on a port that is used again is scheduled anew at once.
const OLDEST_KERNEL: (u32, u32) = (5, 9);

/// Below `/proc/sys/net/ipv4/vs`, and why.
const SYSCTLS: [(&str, &str); 4] = [
    // Masquerading needs conntrack to know what IPVS does.
    ("conntrack", "1"),
    // A new connection from a port that was used before is a new one.
    ("conn_reuse_mode", "1"),
    // A datagram to a backend that is gone ends what IPVS remembers, and the next one goes elsewhere.
    ("expire_nodest_conn", "1"),
    // Affinity to a backend that drains ends at once.
    ("expire_quiescent_template", "1"),
];

/// Why a node can't carry Services by IPVS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error(
        "Linux {0} schedules connections from reused ports wrongly; use 5.9 or later, or the nftables dataplane"
    )]
    Kernel(String),
    #[error("can't set net.ipv4.vs.{0} to {1}; /proc/sys has to be writable, or set beforehand")]
    Sysctl(&'static str, &'static str, #[source] io::Error),
    #[error("can't route marked packets to this machine (it needs CAP_NET_ADMIN)")]
    Route(#[source] io::Error),
}

/// Whether this kernel will do.
pub(crate) fn check_kernel() -> Result<(), HostError> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    if version(release).is_some_and(|version| version < OLDEST_KERNEL) {
        return Err(HostError::Kernel(release.to_owned()));
    }
    Ok(())
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Sets what is not set yet. A value that is right needs no permission.
pub(crate) fn set_sysctls() -> Result<(), HostError> {
    for (name, value) in SYSCTLS {
        let path = format!("/proc/sys/net/ipv4/vs/{name}");
        let is_set = std::fs::read_to_string(&path).is_ok_and(|text| text.trim() == value);
        if !is_set {
            let written = std::fs::write(&path, value);
            written.map_err(|error| HostError::Sysctl(name, value, error))?;
        }
    }
    Ok(())
}

/// Has rules and routes as they should be: whether anything was missing.
pub(crate) async fn ensure_way(mark: MarkBit) -> Result<bool, HostError> {
    let handle = connect().map_err(HostError::Route)?;
    let mut changed = false;
    for version in [IpVersion::V4, IpVersion::V6] {
        let way = Way {
            handle: &handle,
            version,
        };
        changed |= way.ensure(mark).await.map_err(HostError::Route)?;
    }
    Ok(changed)
}

/// Removes rules and routes of ours.
pub(crate) async fn remove_way() -> Result<(), HostError> {
    let handle = connect().map_err(HostError::Route)?;
    for version in [IpVersion::V4, IpVersion::V6] {
        let way = Way {
            handle: &handle,
            version,
        };
        way.remove().await.map_err(HostError::Route)?;
    }
    Ok(())
}

fn connect() -> io::Result<Handle> {
    let (connection, handle, _) = new_connection_with_strict_check()?;
    // Ends when the handle is dropped.
    tokio::spawn(connection);
    Ok(handle)
}

/// The way of one family.
struct Way<'a> {
    handle: &'a Handle,
    version: IpVersion,
}

impl Way<'_> {
    async fn ensure(&self, mark: MarkBit) -> io::Result<bool> {
        let mut changed = false;
        if self.routes().await?.is_empty() {
            let added = self.handle.route().add(self.route()).execute().await;
            added.map_err(to_io)?;
            changed = true;
        }
        let (wanted, mut found) = (self.rule(mark), false);
        for rule in self.rules().await? {
            if is_same(&rule, &wanted) {
                found = true;
            } else {
                self.handle
                    .rule()
                    .del(rule)
                    .execute()
                    .await
                    .map_err(to_io)?;
                changed = true;
            }
        }
        if !found {
            let mut request = self.handle.rule().add();
            *request.message_mut() = wanted;
            request.execute().await.map_err(to_io)?;
        }
        Ok(changed || !found)
    }

    async fn remove(&self) -> io::Result<()> {
        for rule in self.rules().await? {
            self.handle
                .rule()
                .del(rule)
                .execute()
                .await
                .map_err(to_io)?;
        }
        for route in self.routes().await? {
            self.handle
                .route()
                .del(route)
                .execute()
                .await
                .map_err(to_io)?;
        }
        Ok(())
    }

    /// Our rules.
    async fn rules(&self) -> io::Result<Vec<RuleMessage>> {
        let rules = self.handle.rule().get(self.version.clone()).execute();
        let rules: Vec<_> = rules.try_collect().await.map_err(to_io)?;
        let owner = RuleAttribute::Protocol(OWNER);
        let ours = rules
            .into_iter()
            .filter(|rule| rule.attributes.contains(&owner));
        Ok(ours.collect())
    }

    fn rule(&self, mark: MarkBit) -> RuleMessage {
        let mut rule = RuleMessage::default();
        rule.header.family = match self.version {
            IpVersion::V4 => AddressFamily::Inet,
            IpVersion::V6 => AddressFamily::Inet6,
        };
        rule.header.table = TABLE;
        rule.header.action = RuleAction::ToTable;
        rule.attributes = vec![
            RuleAttribute::Priority(PRIORITY),
            RuleAttribute::FwMark(mark.mask()),
            RuleAttribute::FwMask(mark.mask()),
            RuleAttribute::Protocol(OWNER),
        ];
        rule
    }

    /// Our routes. With strict checking the kernel lists only what has this table, protocol and type.
    async fn routes(&self) -> io::Result<Vec<RouteMessage>> {
        let mut filter = self.route();
        filter.attributes.clear();
        filter.header.scope = RouteScope::Universe;
        let routes = self.handle.route().get(filter).execute();
        let routes: Vec<_> = routes.try_collect().await.map_err(to_io)?;
        let ours = routes.into_iter().filter(|route| {
            let header = &route.header;
            (header.table, header.protocol) == (TABLE, OWNER)
        });
        Ok(ours.collect())
    }

    fn route(&self) -> RouteMessage {
        let mut route = match self.version {
            IpVersion::V4 => RouteMessageBuilder::<Ipv4Addr>::new()
                .output_interface(LOOPBACK)
                .build(),
            IpVersion::V6 => RouteMessageBuilder::<Ipv6Addr>::new()
                .output_interface(LOOPBACK)
                .build(),
        };
        route.header.table = TABLE;
        route.header.protocol = OWNER;
        route.header.kind = RouteType::Local;
        route.header.scope = RouteScope::Host;
        route
    }
}

/// The kernel lists more attributes than it was given.
fn is_same(listed: &RuleMessage, wanted: &RuleMessage) -> bool {
    listed.header.table == wanted.header.table
        && listed.header.action == wanted.header.action
        && wanted
            .attributes
            .iter()
            .all(|attribute| listed.attributes.contains(attribute))
}

fn to_io(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_distributions_write_them() {
        for (release, wanted) in [
            ("6.1.0-48-cloud-amd64", Some((6, 1))),
            ("5.8.18", Some((5, 8))),
            ("5.15.0-generic", Some((5, 15))),
            ("unknown", None),
        ] {
            assert_eq!(version(release), wanted, "{release}");
        }
    }
}
