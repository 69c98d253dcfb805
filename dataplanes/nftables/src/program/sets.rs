//! The sets and maps. Only those of verdicts are constant; a verdict among changing elements would make the kernel check
//! the whole map again at every change.

use portolan_netlink::nftables::{Family, Set, Values, comment};
use portolan_tables::SetName as _;

/// Sets and maps by name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SetName {
    /// Frontend → class.
    Frontends,
    /// Frontend → class of the pool for sources inside.
    Inside,
    /// Frontend, slot or identity → backend.
    Backends,
    /// Frontend, slot or identity → identity with its timeout.
    Identities,
    /// Client and frontend → identity.
    Affinity,
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
    /// What our last transaction left; see [`crate::seal`].
    Seal,
    /// Pick → chain.
    Pick,
    /// Timeout → chain.
    Timeouts,
    /// Kind → chain.
    Kinds,
}

/// nft's numbers of types.
const IPV4: u32 = 7;
const IPV6: u32 = 8;
const PROTOCOL: u32 = 12;
const PORT: u32 = 13;
const CLASSID: u32 = 23;

/// `NFT_SET_INTERVAL`, `_TIMEOUT` and `_EVAL`, `_CONCAT`.
const INTERVAL: u32 = 0x4;
const DYNAMIC: u32 = 0x30;
const CONCAT: u32 = 0x80;

/// Clients remembered at once; more are served, but not remembered.
const MOST_CLIENTS: u32 = 1 << 20;

impl SetName {
    pub(crate) const ALL: [Self; 15] = [
        Self::Frontends,
        Self::Inside,
        Self::Backends,
        Self::Identities,
        Self::Affinity,
        Self::Allowed,
        Self::Hairpin,
        Self::ClusterIps,
        Self::ServiceCidrs,
        Self::Workloads,
        Self::Unmasked,
        Self::Seal,
        Self::Pick,
        Self::Timeouts,
        Self::Kinds,
    ];

    /// Those that a family's table has.
    pub(crate) fn of(family: Family) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(move |set| *set != Self::Seal || family == crate::seal::FAMILY)
    }

    /// Those whose elements follow from Services and nothing else.
    pub(crate) const OF_SERVICES: [Self; 7] = [
        Self::Frontends,
        Self::Inside,
        Self::Backends,
        Self::Identities,
        Self::Allowed,
        Self::Hairpin,
        Self::ClusterIps,
    ];

    /// Those whose elements follow from where the node is.
    pub(crate) const OF_ENVIRONMENT: [Self; 3] =
        [Self::ServiceCidrs, Self::Workloads, Self::Unmasked];

    /// Types of the key's fields, those of the value, whether it leads to verdicts, flags, most elements.
    fn shape(self, address: u32) -> (Vec<u32>, Vec<u32>, bool, u32, u32) {
        let frontend = || vec![address, PROTOCOL, PORT];
        let slot = || vec![address, PROTOCOL, PORT, CLASSID];
        let data = |key, value| (key, value, false, 0, 0);
        match self {
            Self::Frontends | Self::Inside => data(frontend(), vec![CLASSID]),
            Self::Backends => data(slot(), vec![address, PORT]),
            Self::Identities => data(slot(), vec![CLASSID]),
            Self::Affinity => {
                let client = vec![address, address, PROTOCOL, PORT];
                (client, vec![CLASSID], false, DYNAMIC, MOST_CLIENTS)
            }
            Self::Allowed => {
                let source = vec![address, PROTOCOL, PORT, address];
                (source, Vec::new(), false, INTERVAL | CONCAT, 0)
            }
            Self::Hairpin => data(vec![address, address], Vec::new()),
            Self::ClusterIps => data(vec![address], Vec::new()),
            Self::ServiceCidrs | Self::Workloads | Self::Unmasked => {
                (vec![address], Vec::new(), false, INTERVAL, 0)
            }
            Self::Seal => data(vec![CLASSID], Vec::new()),
            Self::Pick | Self::Timeouts | Self::Kinds => (vec![CLASSID], Vec::new(), true, 0, 0),
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Frontends => "class of a frontend",
            Self::Inside => "class for sources inside",
            Self::Backends => "of a slot, or of an identity",
            Self::Identities => "of a slot, or known to be valid",
            Self::Affinity => "endpoint of a client",
            Self::Allowed => "clients of guarded frontends",
            Self::Hairpin => "backends that may reach themselves",
            Self::ClusterIps => "other ports are refused",
            Self::ServiceCidrs => "other addresses are dropped",
            Self::Workloads => "sources inside",
            Self::Unmasked => "sources that ClusterIPs see",
            Self::Seal => "of our last transaction",
            Self::Pick => "constant: number of slots",
            Self::Timeouts => "constant: idle seconds",
            Self::Kinds => "constant: whose source is replaced",
        }
    }
}

impl portolan_tables::SetName for SetName {
    const TABLE: &'static str = super::TABLE;

    fn as_str(self) -> &'static str {
        match self {
            Self::Frontends => "frontends",
            Self::Inside => "inside",
            Self::Backends => "backends",
            Self::Identities => "identities",
            Self::Affinity => "affinity",
            Self::Allowed => "allowed",
            Self::Hairpin => "hairpin",
            Self::ClusterIps => "cluster_ips",
            Self::ServiceCidrs => "service_cidrs",
            Self::Workloads => "workloads",
            Self::Unmasked => "unmasked",
            Self::Seal => "seal",
            Self::Pick => "pick",
            Self::Timeouts => "timeouts",
            Self::Kinds => "kinds",
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
        IPV4 | CLASSID => 4,
        IPV6 => 16,
        PORT => 2,
        _ => 1,
    }
}

fn type_name(kind: u32) -> &'static str {
    match kind {
        IPV4 => "ipv4_addr",
        IPV6 => "ipv6_addr",
        PROTOCOL => "inet_proto",
        PORT => "inet_service",
        _ => "classid",
    }
}

fn address(family: Family) -> u32 {
    match family {
        Family::V4 => IPV4,
        Family::V6 => IPV6,
    }
}

/// A set as netlink has it.
pub(crate) fn set(name: SetName, family: Family) -> Set {
    let (key, value, verdicts, flags, size) = name.shape(address(family));
    let number = |types: &[u32]| types.iter().fold(0, |all, kind| all << 6 | kind);
    let values = if verdicts {
        Some(Values::Verdicts)
    } else if value.is_empty() {
        None
    } else {
        let bytes = value.iter().map(|kind| length(*kind).next_multiple_of(4));
        Some(Values::Data(number(&value), bytes.sum()))
    };
    Set {
        name: name.as_str().to_owned(),
        flags,
        key_type: number(&key),
        fields: key.iter().map(|kind| length(*kind)).collect(),
        values,
        size,
        userdata: userdata(name, &key, &value),
    }
}

/// What libnftnl keeps there: the byte orders (0, 1: 1 host, 2 network), without which nft prints numbers swapped, and a
/// comment (7).
fn userdata(name: SetName, key: &[u32], value: &[u32]) -> Vec<u8> {
    let order = |types: &[u32]| match types {
        [CLASSID] => 1_u32,
        [_] => 2,
        _ => 0,
    };
    let mut bytes = Vec::new();
    for (kind, types) in [(0, key), (1, value)] {
        bytes.extend_from_slice(&[kind, 4]);
        bytes.extend_from_slice(&order(types).to_ne_bytes());
    }
    let mut comment = comment(name.what());
    comment[0] = 7;
    bytes.extend_from_slice(&comment);
    bytes
}

/// The declaration as nft shows it.
pub(super) fn declaration(name: SetName, family: Family) -> String {
    use std::fmt::Write;
    let (key, value, verdicts, flags, size) = name.shape(address(family));
    let types = |types: &[u32]| {
        let names: Vec<_> = types.iter().map(|kind| type_name(*kind)).collect();
        names.join(" . ")
    };
    let (word, leads) = match (verdicts, value.is_empty()) {
        (true, _) => ("map", " : verdict".to_owned()),
        (false, true) => ("set", String::new()),
        (false, false) => ("map", format!(" : {}", types(&value))),
    };
    let mut text = format!(
        "\t{word} {} {{\n\t\ttype {}{leads}\n",
        name.as_str(),
        types(&key)
    );
    if size != 0 {
        let _ = writeln!(text, "\t\tsize {size}");
    }
    if flags & INTERVAL != 0 {
        text.push_str("\t\tflags interval\n");
    }
    if flags & DYNAMIC != 0 {
        text.push_str("\t\tflags dynamic,timeout\n");
    }
    let _ = write!(text, "\t\tcomment \"{}\"\n\t}}\n", name.what());
    text
}
