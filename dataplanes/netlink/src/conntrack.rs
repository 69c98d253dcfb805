//! The kernel's table of connections: deletes what a filter names.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::abi::{
    CTA_FILTER, CTA_FILTER_F_CTA_IP_DST, CTA_FILTER_F_CTA_IP_SRC, CTA_FILTER_F_CTA_PROTO_DST_PORT,
    CTA_FILTER_F_CTA_PROTO_NUM, CTA_FILTER_F_CTA_PROTO_SRC_PORT, CTA_FILTER_ORIG_FLAGS,
    CTA_FILTER_REPLY_FLAGS, CTA_ID, CTA_IP_V4_DST, CTA_IP_V4_SRC, CTA_IP_V6_DST, CTA_IP_V6_SRC,
    CTA_PROTO_DST_PORT, CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_TUPLE_IP, CTA_TUPLE_ORIG,
    CTA_TUPLE_PROTO, CTA_TUPLE_REPLY, CTA_ZONE, IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_GET,
    NFNL_SUBSYS_CTNETLINK,
};
use crate::nftables::Family;
use crate::socket::Request;
use crate::tlv::{Attribute, Reader, Writer};
use crate::{NetlinkError, Socket};

/// `NLA_F_NESTED`, which strict checking expects here.
const NESTED: u16 = 0x8000;

/// Kernels before 6.2 know filters for listing only.
const EINVAL: i32 = 22;
/// The connection ended meanwhile.
const ENOENT: i32 = 2;

/// Connections of a transport to a destination, as their first packets had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Number of the transport, for example 17 for UDP.
    pub protocol: u8,
    /// Where the first packet went.
    pub destination: SocketAddr,
    /// Only those that are answered from here: the destination after translation.
    pub answered_from: Option<SocketAddr>,
    /// Only those of clients outside these ranges; empty: of everybody.
    pub spared: Vec<IpNet>,
}

/// The kernel walks its whole table for every filter; from so many on, one listing costs less.
const MANY: usize = 8;

/// Deletes what any of the filters names.
pub async fn delete(socket: &mut Socket, filters: &[Filter]) -> Result<(), NetlinkError> {
    if filters.len() > MANY {
        return delete_one_by_one(socket, filters).await;
    }
    // The kernel's filter takes IPv6 addresses for the same exactly if they differ (ctnetlink_filter_match_tuple, to 6.18 at
    // least), so it would delete everybody else's; and it knows no ranges.
    let (listed, filtered): (Vec<Filter>, Vec<Filter>) = filters
        .iter()
        .cloned()
        .partition(|filter| filter.destination.is_ipv6() || !filter.spared.is_empty());
    for filter in filtered {
        let attributes = filter.attributes();
        let what = "delete connections by a filter";
        let request = request(IPCTNL_MSG_CT_DELETE, filter.family(), attributes, what);
        match socket.request(&request).await {
            Err(error) if error.errno() == Some(EINVAL) => {
                return delete_one_by_one(socket, filters).await;
            }
            Err(error) if error.errno() == Some(ENOENT) => {}
            outcome => outcome?,
        }
    }
    delete_one_by_one(socket, &listed).await
}

/// Lists connections and deletes by tuple: for many filters, for IPv6 and ranges, and for kernels that know no other way. To a
/// few ports the kernel lists nothing else: among a million connections, walking the table is the cheap part.
async fn delete_one_by_one(socket: &mut Socket, filters: &[Filter]) -> Result<(), NetlinkError> {
    let mut wanted: HashMap<_, Vec<_>> = HashMap::new();
    for filter in filters {
        let key = (filter.protocol, filter.destination);
        wanted.entry(key).or_default().push(filter);
    }
    let mut found = Vec::new();
    let mut each = |message: crate::message::Message<'_>| {
        let attributes = message.attributes();
        let filters = end(&attributes, CTA_TUPLE_ORIG, false).and_then(|key| wanted.get(&key));
        let [client, server] = [CTA_TUPLE_ORIG, CTA_TUPLE_REPLY]
            .map(|tuple| end(&attributes, tuple, true).map(|(_, from)| from));
        let is_named = |filters: &Vec<&Filter>| filters.iter().any(|f| f.names(client, server));
        if filters.is_some_and(is_named)
            && let Some(identity) = identity(&attributes)
        {
            found.push((message.payload.first().copied().unwrap_or(0), identity));
        }
    };
    for list in &listings(filters) {
        socket.dump(list, &mut each).await?;
    }
    for (family, identity) in found {
        let one = request(
            IPCTNL_MSG_CT_DELETE,
            family,
            identity,
            "delete a connection",
        );
        match socket.request(&one).await {
            Err(error) if error.errno() == Some(ENOENT) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// What lists every connection that filters may name.
fn listings(filters: &[Filter]) -> Vec<Request> {
    let what = "list connections";
    let ports: BTreeMap<_, _> = filters.iter().map(|f| (f.port(), f)).collect();
    if ports.len() > MANY {
        // Unspecified: both families.
        return vec![request(IPCTNL_MSG_CT_GET, 0, Writer::new(), what)];
    }
    let at = |filter: &&Filter| request(IPCTNL_MSG_CT_GET, filter.family(), filter.listing(), what);
    ports.values().map(at).collect()
}

fn request(kind: u16, family: u8, attributes: Writer, what: &str) -> Request {
    Request {
        kind: NFNL_SUBSYS_CTNETLINK << 8 | kind,
        family,
        attributes,
        what: what.to_owned(),
    }
}

/// One end of a listed connection: transport, address and port.
fn end(attributes: &Reader<'_>, tuple: u16, source: bool) -> Option<(u8, SocketAddr)> {
    let tuple = attributes.get(tuple)?.nested();
    let (ip, proto) = (
        tuple.get(CTA_TUPLE_IP)?.nested(),
        tuple.get(CTA_TUPLE_PROTO)?.nested(),
    );
    let [v4, v6, port] = if source {
        [CTA_IP_V4_SRC, CTA_IP_V6_SRC, CTA_PROTO_SRC_PORT]
    } else {
        [CTA_IP_V4_DST, CTA_IP_V6_DST, CTA_PROTO_DST_PORT]
    };
    let four = ip.get(v4).and_then(|a| <[u8; 4]>::try_from(a.value).ok());
    let six = ip.get(v6).and_then(|a| <[u8; 16]>::try_from(a.value).ok());
    let address = four.map(IpAddr::from).or_else(|| six.map(IpAddr::from))?;
    let port = <[u8; 2]>::try_from(proto.get(port)?.value).ok()?;
    let protocol = *proto.get(CTA_PROTO_NUM)?.value.first()?;
    Some((protocol, SocketAddr::new(address, u16::from_be_bytes(port))))
}

/// What names a listed connection. Without a tuple there is none: a delete would mean every connection.
fn identity(attributes: &Reader<'_>) -> Option<Writer> {
    let mut writer = Writer::new();
    let tuple = attributes.get(CTA_TUPLE_ORIG)?;
    writer.put(CTA_TUPLE_ORIG | NESTED, tuple.value);
    let more = [attributes.get(CTA_ZONE), attributes.get(CTA_ID)];
    for Attribute { kind, value } in more.into_iter().flatten() {
        writer.put(kind, value);
    }
    Some(writer)
}

impl Filter {
    fn family(&self) -> u8 {
        Family::from(self.destination.ip()) as u8
    }

    /// Whether it is about a connection to its destination.
    fn names(&self, client: Option<SocketAddr>, server: Option<SocketAddr>) -> bool {
        let is_spared =
            |client: SocketAddr| self.spared.iter().any(|net| net.contains(&client.ip()));
        !client.is_some_and(is_spared)
            && (self.answered_from.is_none() || self.answered_from == server)
    }

    /// What a listing can be of, whatever the addresses.
    fn port(&self) -> (u8, u8, u16) {
        (self.family(), self.protocol, self.destination.port())
    }

    /// All connections of this transport and family to this port.
    fn listing(&self) -> Writer {
        let mut writer = Writer::new();
        nested(&mut writer, CTA_TUPLE_ORIG, |w| {
            self.transport(self.destination, false, w);
        });
        nested(&mut writer, CTA_FILTER, |w| {
            let flags = CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT;
            w.put(CTA_FILTER_ORIG_FLAGS, &flags.to_ne_bytes());
        });
        writer
    }

    fn attributes(&self) -> Writer {
        let mut writer = Writer::new();
        let destination = (CTA_TUPLE_ORIG, self.destination, false);
        let source = self.answered_from.map(|from| (CTA_TUPLE_REPLY, from, true));
        for (tuple, address, is_source) in [destination].into_iter().chain(source) {
            nested(&mut writer, tuple, |w| self.tuple(address, is_source, w));
        }
        let number = CTA_FILTER_F_CTA_PROTO_NUM;
        nested(&mut writer, CTA_FILTER, |w| {
            // These two are in host order, unlike everything around them.
            let original = CTA_FILTER_F_CTA_IP_DST | number | CTA_FILTER_F_CTA_PROTO_DST_PORT;
            w.put(CTA_FILTER_ORIG_FLAGS, &original.to_ne_bytes());
            if self.answered_from.is_some() {
                let reply = CTA_FILTER_F_CTA_IP_SRC | number | CTA_FILTER_F_CTA_PROTO_SRC_PORT;
                w.put(CTA_FILTER_REPLY_FLAGS, &reply.to_ne_bytes());
            }
        });
        writer
    }

    fn tuple(&self, address: SocketAddr, source: bool, writer: &mut Writer) {
        nested(writer, CTA_TUPLE_IP, |w| match (address.ip(), source) {
            (IpAddr::V4(ip), true) => w.put(CTA_IP_V4_SRC, &ip.octets()),
            (IpAddr::V4(ip), false) => w.put(CTA_IP_V4_DST, &ip.octets()),
            (IpAddr::V6(ip), true) => w.put(CTA_IP_V6_SRC, &ip.octets()),
            (IpAddr::V6(ip), false) => w.put(CTA_IP_V6_DST, &ip.octets()),
        });
        self.transport(address, source, writer);
    }

    fn transport(&self, address: SocketAddr, source: bool, writer: &mut Writer) {
        nested(writer, CTA_TUPLE_PROTO, |w| {
            w.put(CTA_PROTO_NUM, &[self.protocol]);
            let kind = if source {
                CTA_PROTO_SRC_PORT
            } else {
                CTA_PROTO_DST_PORT
            };
            w.put(kind, &address.port().to_be_bytes());
        });
    }
}

fn nested(writer: &mut Writer, kind: u16, inside: impl FnOnce(&mut Writer)) {
    writer.nest(kind | NESTED, inside);
}
