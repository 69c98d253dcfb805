//! The sets and maps. None leads to verdicts: those would make the kernel check the whole map again at every change.

use portolan_netlink::nftables::{Family, Set};
use portolan_nft::{Datatype, SetName as _, Shape};

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

    fn shape(self, family: Family) -> Shape {
        let address = Datatype::address(family);
        let frontend = [address, Datatype::Protocol, Datatype::Port];
        match self {
            Self::Frontends | Self::Inside => Shape::map(&frontend, &[Datatype::Mark]),
            Self::Served => Shape::set(&frontend),
            Self::Backends => Shape::set(&[&frontend[..], &[address, Datatype::Port]].concat()),
            Self::Allowed => Shape::set(&[&frontend[..], &[address]].concat())
                .with(Shape::INTERVAL | Shape::CONCAT),
            Self::Hairpin => Shape::set(&[address, address]),
            Self::ClusterIps => Shape::set(&[address]),
            Self::ServiceCidrs | Self::Workloads | Self::Unmasked => {
                Shape::set(&[address]).with(Shape::INTERVAL)
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

impl portolan_nft::SetName for SetName {
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

impl portolan_nft::RangeSets for SetName {
    const SERVICE_CIDRS: Self = Self::ServiceCidrs;
    const WORKLOADS: Self = Self::Workloads;
    const UNMASKED: Self = Self::Unmasked;
}

/// A set as netlink has it.
pub(crate) fn set(name: SetName, family: Family) -> Set {
    name.shape(family).declare(name.as_str(), name.what())
}
