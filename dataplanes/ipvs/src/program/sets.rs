//! The sets and maps. None leads to verdicts: those would make the kernel check the whole map again at every change.

use portolan_netlink::nftables::{Family, Set, Values, comment};
use portolan_tables::SetName as _;

/// Sets and maps by name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SetName {
    /// Frontend → class.
    Frontends,
    /// Frontend → mark for sources inside.
    Inside,
    /// Frontends that IPVS has virtual servers for, also those that drain.
    Served,
    /// Frontend and backend: read by nobody but us, after a restart.
    Backends,
    /// Frontend and the sources that may use it.
    Allowed,
    /// Every backend twice.
    Hairpin,
    /// Addresses of Services with a `ClusterIP`.
    ClusterIps,
    /// Ranges of virtual addresses.
    ServiceCidrs,
    /// Ranges of sources inside.
    Workloads,
    /// Ranges of sources whose address stays as it is towards a `ClusterIP`.
    Unmasked,
}

/// nft's numbers of types.
const IPV4: u32 = 7;
const IPV6: u32 = 8;
const PROTOCOL: u32 = 12;
const PORT: u32 = 13;
const MARK: u32 = 19;

/// `NFT_SET_INTERVAL`, `_CONCAT`.
const INTERVAL: u32 = 0x4;
const CONCAT: u32 = 0x80;

impl SetName {
    pub(crate) const ALL: [Self; 10] = [
        Self::Frontends,
        Self::Inside,
        Self::Served,
        Self::Backends,
        Self::Allowed,
        Self::Hairpin,
        Self::ClusterIps,
        Self::ServiceCidrs,
        Self::Workloads,
        Self::Unmasked,
    ];

    /// Those whose elements follow from Services and nothing else.
    pub(crate) const OF_SERVICES: [Self; 7] = [
        Self::Frontends,
        Self::Inside,
        Self::Served,
        Self::Backends,
        Self::Allowed,
        Self::Hairpin,
        Self::ClusterIps,
    ];

    /// Those whose elements follow from where the node is.
    pub(crate) const OF_ENVIRONMENT: [Self; 3] =
        [Self::ServiceCidrs, Self::Workloads, Self::Unmasked];

    /// Types of the key's fields, whether it maps to marks, flags.
    fn shape(self, address: u32) -> (Vec<u32>, bool, u32) {
        let frontend = || vec![address, PROTOCOL, PORT];
        match self {
            Self::Frontends | Self::Inside => (frontend(), true, 0),
            Self::Served => (frontend(), false, 0),
            Self::Backends => ([frontend(), vec![address, PORT]].concat(), false, 0),
            Self::Allowed => {
                let source = [frontend(), vec![address]].concat();
                (source, false, INTERVAL | CONCAT)
            }
            Self::Hairpin => (vec![address, address], false, 0),
            Self::ClusterIps => (vec![address], false, 0),
            Self::ServiceCidrs | Self::Workloads | Self::Unmasked => {
                (vec![address], false, INTERVAL)
            }
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Frontends => "class of a frontend",
            Self::Inside => "mark for sources inside",
            Self::Served => "has virtual servers, or still drains",
            Self::Backends => "for the plugin, after a restart",
            Self::Allowed => "clients of guarded frontends",
            Self::Hairpin => "backends that may reach themselves",
            Self::ClusterIps => "other ports are refused",
            Self::ServiceCidrs => "other addresses are dropped",
            Self::Workloads => "sources inside",
            Self::Unmasked => "sources that ClusterIPs see",
        }
    }
}

impl portolan_tables::SetName for SetName {
    const TABLE: &'static str = super::TABLE;

    fn as_str(self) -> &'static str {
        match self {
            Self::Frontends => "frontends",
            Self::Inside => "inside",
            Self::Served => "served",
            Self::Backends => "backends",
            Self::Allowed => "allowed",
            Self::Hairpin => "hairpin",
            Self::ClusterIps => "cluster_ips",
            Self::ServiceCidrs => "service_cidrs",
            Self::Workloads => "workloads",
            Self::Unmasked => "unmasked",
        }
    }
}

impl portolan_tables::RangeSets for SetName {
    const SERVICE_CIDRS: Self = Self::ServiceCidrs;
    const WORKLOADS: Self = Self::Workloads;
    const UNMASKED: Self = Self::Unmasked;
}

fn length(kind: u32) -> u32 {
    match kind {
        IPV4 | MARK => 4,
        IPV6 => 16,
        PORT => 2,
        _ => 1,
    }
}

/// A set as netlink has it.
pub(crate) fn set(name: SetName, family: Family) -> Set {
    let address = match family {
        Family::V4 => IPV4,
        Family::V6 => IPV6,
    };
    let (key, is_map, flags) = name.shape(address);
    Set {
        name: name.as_str().to_owned(),
        flags,
        key_type: key.iter().fold(0, |all, kind| all << 6 | kind),
        fields: key.iter().map(|kind| length(*kind)).collect(),
        values: is_map.then_some(Values::Data(MARK, length(MARK))),
        size: 0,
        userdata: userdata(name, key.len(), is_map),
    }
}

/// What libnftnl keeps there: the byte orders of key and value (0 several fields, 1 host, 2 network), without which nft prints
/// numbers swapped, and a comment (7).
fn userdata(name: SetName, fields: usize, is_map: bool) -> Vec<u8> {
    let key = if fields == 1 { 2_u32 } else { 0 };
    let mut bytes = Vec::new();
    for (kind, order) in [(0, key), (1, u32::from(is_map))] {
        bytes.extend_from_slice(&[kind, 4]);
        bytes.extend_from_slice(&order.to_ne_bytes());
    }
    let mut comment = comment(name.what());
    comment[0] = 7;
    bytes.extend_from_slice(&comment);
    bytes
}
