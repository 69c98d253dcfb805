//! Virtual and real servers as attributes. Numbers are in host order, addresses and ports as on the wire.

use std::net::{IpAddr, SocketAddr};

use super::{Listed, RealServer, ServerId, VirtualServer, flags};
use crate::abi::{
    IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_SERVICE, IPVS_DEST_ATTR_ACTIVE_CONNS, IPVS_DEST_ATTR_ADDR,
    IPVS_DEST_ATTR_ADDR_FAMILY, IPVS_DEST_ATTR_FWD_METHOD, IPVS_DEST_ATTR_INACT_CONNS,
    IPVS_DEST_ATTR_L_THRESH, IPVS_DEST_ATTR_PORT, IPVS_DEST_ATTR_U_THRESH, IPVS_DEST_ATTR_WEIGHT,
    IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_AF, IPVS_SVC_ATTR_FLAGS, IPVS_SVC_ATTR_FWMARK,
    IPVS_SVC_ATTR_NETMASK, IPVS_SVC_ATTR_PORT, IPVS_SVC_ATTR_PROTOCOL, IPVS_SVC_ATTR_SCHED_NAME,
    IPVS_SVC_ATTR_TIMEOUT,
};
use crate::nftables::Family;
use crate::tlv::{Reader, Writer};

/// `IP_VS_CONN_F_MASQ` below `IP_VS_CONN_F_FWD_MASK`: the destination is translated.
const TRANSLATED: u32 = 0;
const FORWARD_MASK: u32 = 0x7;

/// Clients are told apart by their whole address.
const WHOLE_V4: [u8; 4] = [0xff; 4];
const WHOLE_V6: u32 = 128;

impl ServerId {
    pub(super) fn family(self) -> Family {
        match self {
            Self::At(_, at) if at.is_ipv4() => Family::V4,
            Self::At(..) => Family::V6,
            Self::Marked(family, _) => family,
        }
    }

    /// What a request about it begins with.
    pub(super) fn named(self) -> Writer {
        let mut writer = Writer::new();
        writer.nest(IPVS_CMD_ATTR_SERVICE, |w| self.write(w));
        writer
    }

    fn write(self, w: &mut Writer) {
        w.put_host_u16(IPVS_SVC_ATTR_AF, u16::from(self.family() as u8));
        match self {
            Self::At(protocol, at) => {
                w.put_host_u16(IPVS_SVC_ATTR_PROTOCOL, protocol.into());
                w.put(IPVS_SVC_ATTR_ADDR, &octets(at.ip()));
                w.put(IPVS_SVC_ATTR_PORT, &at.port().to_be_bytes());
            }
            Self::Marked(_, mark) => w.put_host_u32(IPVS_SVC_ATTR_FWMARK, mark),
        }
    }
}

impl VirtualServer {
    pub(super) fn whole(&self) -> Writer {
        let mut writer = Writer::new();
        writer.nest(IPVS_CMD_ATTR_SERVICE, |w| {
            self.id.write(w);
            w.put_str(IPVS_SVC_ATTR_SCHED_NAME, &self.scheduler);
            // Flags, and which of them are meant.
            let both = [self.flags.to_ne_bytes(), flags::SETTABLE.to_ne_bytes()];
            w.put(IPVS_SVC_ATTR_FLAGS, &both.concat());
            w.put_host_u32(IPVS_SVC_ATTR_TIMEOUT, self.timeout);
            match self.id.family() {
                Family::V4 => w.put(IPVS_SVC_ATTR_NETMASK, &WHOLE_V4),
                Family::V6 => w.put_host_u32(IPVS_SVC_ATTR_NETMASK, WHOLE_V6),
            }
        });
        writer
    }

    pub(super) fn read(attributes: &Reader<'_>) -> Option<Self> {
        let family = family(attributes.get(IPVS_SVC_ATTR_AF)?.host_u16()?)?;
        let id = if let Some(mark) = attributes.get(IPVS_SVC_ATTR_FWMARK) {
            ServerId::Marked(family, mark.host_u32()?)
        } else {
            let protocol = attributes.get(IPVS_SVC_ATTR_PROTOCOL)?.host_u16()?;
            let at = read_address(family, attributes, IPVS_SVC_ATTR_ADDR, IPVS_SVC_ATTR_PORT)?;
            ServerId::At(u8::try_from(protocol).ok()?, at)
        };
        let scheduler = attributes.get(IPVS_SVC_ATTR_SCHED_NAME);
        let set = attributes.get(IPVS_SVC_ATTR_FLAGS)?.value;
        Some(Self {
            id,
            scheduler: scheduler
                .and_then(|s| s.str())
                .unwrap_or_default()
                .to_owned(),
            flags: u32::from_ne_bytes(*set.first_chunk::<4>()?) & flags::SETTABLE,
            timeout: attributes.get(IPVS_SVC_ATTR_TIMEOUT)?.host_u32()?,
        })
    }
}

impl RealServer {
    pub(super) fn whole(self, id: ServerId) -> Writer {
        let mut writer = id.named();
        writer.nest(IPVS_CMD_ATTR_DEST, |w| {
            write_address(self.address, w);
            w.put_host_u32(IPVS_DEST_ATTR_FWD_METHOD, TRANSLATED);
            w.put_host_u32(IPVS_DEST_ATTR_WEIGHT, self.weight);
            // No limits of connections.
            w.put_host_u32(IPVS_DEST_ATTR_U_THRESH, 0);
            w.put_host_u32(IPVS_DEST_ATTR_L_THRESH, 0);
        });
        writer
    }
}

impl Listed {
    /// `of` is the family of the virtual server, for kernels that don't say the real server's.
    pub(super) fn read(of: Family, attributes: &Reader<'_>) -> Option<Self> {
        let number = |kind| attributes.get(kind).and_then(|a| a.host_u32());
        let own = attributes.get(IPVS_DEST_ATTR_ADDR_FAMILY);
        let family = own.and_then(|af| family(af.host_u16()?)).unwrap_or(of);
        let address = read_address(family, attributes, IPVS_DEST_ATTR_ADDR, IPVS_DEST_ATTR_PORT);
        Some(Self {
            server: RealServer {
                address: address?,
                weight: number(IPVS_DEST_ATTR_WEIGHT)?,
            },
            is_translated: number(IPVS_DEST_ATTR_FWD_METHOD)? & FORWARD_MASK == TRANSLATED,
            active: number(IPVS_DEST_ATTR_ACTIVE_CONNS)?,
            inactive: number(IPVS_DEST_ATTR_INACT_CONNS)?,
        })
    }
}

pub(super) fn write_address(address: SocketAddr, w: &mut Writer) {
    let family = if address.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    w.put_host_u16(IPVS_DEST_ATTR_ADDR_FAMILY, u16::from(family as u8));
    w.put(IPVS_DEST_ATTR_ADDR, &octets(address.ip()));
    w.put(IPVS_DEST_ATTR_PORT, &address.port().to_be_bytes());
}

/// `union nf_inet_addr`: an IPv4 address is in the first four bytes.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&v4.octets());
            octets
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn read_address(
    family: Family,
    attributes: &Reader<'_>,
    address: u16,
    port: u16,
) -> Option<SocketAddr> {
    let octets = attributes.get(address)?.value;
    let address: IpAddr = match family {
        Family::V4 => (*octets.first_chunk::<4>()?).into(),
        Family::V6 => (*octets.first_chunk::<16>()?).into(),
    };
    let port = <[u8; 2]>::try_from(attributes.get(port)?.value).ok()?;
    Some(SocketAddr::new(address, u16::from_be_bytes(port)))
}

/// `AF_INET` and `AF_INET6` are the numbers that netfilter has for them.
fn family(number: u16) -> Option<Family> {
    [Family::V4, Family::V6]
        .into_iter()
        .find(|family| u16::from(*family as u8) == number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_address() -> impl Strategy<Value = SocketAddr> {
        let four = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
        let six = any::<([u8; 16], u16)>().prop_map(SocketAddr::from);
        prop_oneof![four, six]
    }

    fn any_id() -> impl Strategy<Value = ServerId> {
        let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
        let marked = (family, 1..=u32::MAX).prop_map(|(f, mark)| ServerId::Marked(f, mark));
        let at = (any::<u8>(), any_address()).prop_map(|(p, at)| ServerId::At(p, at));
        prop_oneof![marked, at]
    }

    proptest! {
        #[test]
        fn a_virtual_server_is_read_as_it_was_written(
            id in any_id(), scheduler in "[a-z]{1,15}", set in 0_u32..=flags::SETTABLE, timeout in any::<u32>(),
        ) {
            let flags = set & flags::SETTABLE;
            let server = VirtualServer { id, scheduler, flags, timeout };
            let writer = server.whole();
            let outer = Reader::new(writer.as_bytes()).get(IPVS_CMD_ATTR_SERVICE).unwrap();
            prop_assert_eq!(VirtualServer::read(&outer.nested()), Some(server));
        }

        #[test]
        fn a_real_server_is_read_as_it_was_written(id in any_id(), address in any_address(), weight in any::<u32>()) {
            let server = RealServer { address, weight };
            let mut writer = Writer::new();
            let whole = server.whole(id);
            let outer = Reader::new(whole.as_bytes()).get(IPVS_CMD_ATTR_DEST).unwrap();
            for attribute in outer.nested() {
                writer.put(attribute.kind, attribute.value);
            }
            writer.put_host_u32(IPVS_DEST_ATTR_ACTIVE_CONNS, 3);
            writer.put_host_u32(IPVS_DEST_ATTR_INACT_CONNS, 4);
            let listed = Listed::read(Family::V4, &Reader::new(writer.as_bytes()));
            prop_assert_eq!(listed, Some(Listed { server, is_translated: true, active: 3, inactive: 4 }));
        }

        #[test]
        fn arbitrary_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = VirtualServer::read(&Reader::new(&bytes));
            let _ = Listed::read(Family::V6, &Reader::new(&bytes));
        }
    }
}
