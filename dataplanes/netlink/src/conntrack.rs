//! The kernel's table of connections: deletes what a filter names.

use std::net::{IpAddr, SocketAddr};

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

/// Kernels before 6.2 know filters for listing only.
const EINVAL: i32 = 22;
/// The connection ended meanwhile.
const ENOENT: i32 = 2;

/// Connections of a transport to a destination, as their first packets had it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// Number of the transport, for example 17 for UDP.
    pub protocol: u8,
    /// Where the first packet went.
    pub destination: SocketAddr,
    /// Only those that are answered from here: the destination after translation.
    pub answered_from: Option<SocketAddr>,
}

/// Deletes what the filter names. The kernel walks its whole table for it, however many match.
pub async fn delete(socket: &mut Socket, filter: &Filter) -> Result<(), NetlinkError> {
    let request = Request {
        kind: NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
        family: family(filter.destination.ip()) as u8,
        attributes: filter.attributes(),
        what: "delete connections by a filter".to_owned(),
    };
    match socket.request(&request).await {
        Err(error) if error.errno() == Some(EINVAL) => delete_one_by_one(socket, filter).await,
        Err(error) if error.errno() == Some(ENOENT) => Ok(()),
        outcome => outcome,
    }
}

/// For kernels that delete by tuple only.
async fn delete_one_by_one(socket: &mut Socket, filter: &Filter) -> Result<(), NetlinkError> {
    let family = family(filter.destination.ip()) as u8;
    let request = |kind, attributes, what: &str| Request {
        kind: NFNL_SUBSYS_CTNETLINK << 8 | kind,
        family,
        attributes,
        what: what.to_owned(),
    };
    let mut found = Vec::new();
    let list = request(IPCTNL_MSG_CT_GET, Writer::new(), "list connections");
    let each = |message: crate::message::Message<'_>| {
        if filter.matches(&message.attributes()) {
            found.push(identity(&message.attributes()));
        }
    };
    socket.dump(&list, each).await?;
    for attributes in found {
        // A message without a tuple would delete every connection.
        if attributes.as_bytes().is_empty() {
            continue;
        }
        let one = request(IPCTNL_MSG_CT_DELETE, attributes, "delete a connection");
        match socket.request(&one).await {
            Err(error) if error.errno() == Some(ENOENT) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// What names a listed connection.
fn identity(attributes: &Reader<'_>) -> Writer {
    let mut writer = Writer::new();
    if let Some(tuple) = attributes.get(CTA_TUPLE_ORIG) {
        for attribute in [
            Some(tuple),
            attributes.get(CTA_ZONE),
            attributes.get(CTA_ID),
        ] {
            let Some(Attribute { kind, value }) = attribute else {
                continue;
            };
            // NLA_F_NESTED, which strict checking expects.
            let nested = if kind == CTA_TUPLE_ORIG { 0x8000 } else { 0 };
            writer.put(kind | nested, value);
        }
    }
    writer
}

impl Filter {
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

    fn matches(&self, attributes: &Reader<'_>) -> bool {
        let end = |tuple, source| {
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
        };
        let is = |tuple, source, address| end(tuple, source) == Some((self.protocol, address));
        is(CTA_TUPLE_ORIG, false, self.destination)
            && self
                .answered_from
                .is_none_or(|from| is(CTA_TUPLE_REPLY, true, from))
    }
}

fn nested(writer: &mut Writer, kind: u16, inside: impl FnOnce(&mut Writer)) {
    writer.nest(kind | 0x8000, inside);
}

fn family(address: IpAddr) -> Family {
    if address.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    }
}
