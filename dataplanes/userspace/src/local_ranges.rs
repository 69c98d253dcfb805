//! Makes ranges of virtual addresses local, so that exact addresses out of them can be bound (AnyIP):
//! `ip route add local 10.96.0.0/16 dev lo src 192.0.2.1 proto 112`.
//!
//! Without `src` a connection of the node itself to a virtual IPv4 address has that very address as its source, and ends with
//! the route, also if another dataplane carries it by then. IPv6 takes an address of a device anyway.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use portolan_dataplane::DataplaneError;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{Handle, RouteMessageBuilder, new_connection_with_strict_check};

/// Marks our routes, so that nothing else is ever removed; unused in `/etc/iproute2/rt_protos`.
const OWNER: RouteProtocol = RouteProtocol::Other(112);

/// The kernel's table of local addresses (`RT_TABLE_LOCAL`).
const LOCAL_TABLE: u8 = 255;

/// `lo` has this index in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// Ranges, and the source of what the node sends there.
type Routes = BTreeMap<IpNet, Option<Ipv4Addr>>;

/// Makes exactly these ranges local; ours that are no longer wanted go. The node reaches them from the first of its own
/// addresses that is there.
pub(crate) async fn ensure(wanted: &[IpNet], own: &[IpAddr]) -> Result<(), DataplaneError> {
    let source = own.iter().find_map(|address| match address {
        IpAddr::V4(v4) if is_local(*address) => Some(*v4),
        _ => None,
    });
    let wanted = wanted.iter().filter(|net| !is_loopback(net));
    let wanted: Routes = wanted
        .map(|net| (*net, source.filter(|_| net.addr().is_ipv4())))
        .collect();
    let failed = |context: &str, source| DataplaneError {
        context: context.to_owned(),
        source: Some(source),
    };
    let (connection, handle, _) = new_connection_with_strict_check()
        .map_err(|error| failed("can't open a netlink socket", error))?;
    // Ends when the handle is dropped.
    tokio::spawn(connection);
    let held = held(&handle)
        .await
        .map_err(|error| failed("can't list local routes", error))?;
    for (net, source) in &wanted {
        if held.get(net) == Some(source) {
            continue;
        }
        let request = handle.route().add(route(net, *source)).replace();
        let added = request.execute().await;
        added.map_err(|error| failed(&format!("can't make {net} local"), to_io(error)))?;
    }
    for net in held.keys().filter(|net| !wanted.contains_key(net)) {
        let removed = handle.route().del(route(net, None)).execute().await;
        removed.map_err(|error| {
            failed(
                &format!("can't remove the local route of {net}"),
                to_io(error),
            )
        })?;
    }
    Ok(())
}

/// Whether an address is the node's own without our doing.
pub(crate) fn is_local(address: IpAddr) -> bool {
    let bound = std::net::UdpSocket::bind((address, 0));
    !bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

/// All of 127.0.0.0/8 is local anyway.
fn is_loopback(net: &IpNet) -> bool {
    net.network().is_loopback()
}

/// Our routes of both families.
async fn held(handle: &Handle) -> io::Result<Routes> {
    let filters = [
        RouteMessageBuilder::<Ipv4Addr>::new().build(),
        RouteMessageBuilder::<Ipv6Addr>::new().build(),
    ];
    let mut held = Routes::new();
    for mut filter in filters {
        // With strict checking the kernel lists only what has this table, protocol and type.
        filter.header.table = LOCAL_TABLE;
        filter.header.protocol = OWNER;
        filter.header.kind = RouteType::Local;
        let routes = handle.route().get(filter).execute();
        let routes: Vec<_> = routes.try_collect().await.map_err(to_io)?;
        held.extend(routes.iter().filter_map(net_of));
    }
    Ok(held)
}

fn net_of(route: &RouteMessage) -> Option<(IpNet, Option<Ipv4Addr>)> {
    if route.header.protocol != OWNER || route.header.table != LOCAL_TABLE {
        return None;
    }
    let address = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(a)) => Some(IpAddr::from(*a)),
            RouteAttribute::Destination(RouteAddress::Inet6(a)) => Some(IpAddr::from(*a)),
            _ => None,
        });
    let net = IpNet::new(address?, route.header.destination_prefix_length).ok()?;
    let source = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::PrefSource(RouteAddress::Inet(a)) => Some(*a),
            _ => None,
        });
    Some((net, source))
}

fn route(net: &IpNet, source: Option<Ipv4Addr>) -> RouteMessage {
    let mut message = match net {
        IpNet::V4(net) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(net.network(), net.prefix_len())
            .output_interface(LOOPBACK)
            .build(),
        IpNet::V6(net) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(net.network(), net.prefix_len())
            .output_interface(LOOPBACK)
            .build(),
    };
    message.header.table = LOCAL_TABLE;
    message.header.protocol = OWNER;
    message.header.kind = RouteType::Local;
    message.header.scope = RouteScope::Host;
    let source = source.map(|source| RouteAttribute::PrefSource(RouteAddress::Inet(source)));
    message.attributes.extend(source);
    message
}

fn to_io(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}
