//! The sets and maps. None leads to verdicts: those would make the kernel check the whole map again at every change.

use portolan_netlink::nftables::Family;
use portolan_nft::Datatype::{self, Mark, Port, Protocol};
use portolan_nft::Shape;

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
}

impl portolan_nft::SetName for SetName {
    const TABLE: &'static str = super::TABLE;

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Frontends => ("frontends", "class of a frontend"),
            Self::Inside => ("inside", "mark for sources inside"),
            Self::Served => ("served", "has virtual servers, or still drains"),
            Self::Backends => ("backends", "for the plugin, after a restart"),
            Self::Allowed => ("allowed", "clients of guarded frontends"),
            Self::Hairpin => ("hairpin", "backends that may reach themselves"),
            Self::ClusterIps => ("cluster_ips", "other ports are refused"),
            Self::ServiceCidrs => ("service_cidrs", "other addresses are dropped"),
            Self::Workloads => ("workloads", "sources inside"),
            Self::Unmasked => ("unmasked", "sources that ClusterIPs see"),
        }
    }

    fn shape(self, family: Family) -> Shape {
        let address = Datatype::address(family);
        match self {
            Self::Frontends | Self::Inside => Shape::map(&[address, Protocol, Port], &[Mark]),
            Self::Served => Shape::set(&[address, Protocol, Port]),
            Self::Backends => Shape::set(&[address, Protocol, Port, address, Port]),
            Self::Allowed => Shape::set(&[address, Protocol, Port, address])
                .with(Shape::INTERVAL | Shape::CONCAT),
            Self::Hairpin => Shape::set(&[address, address]),
            Self::ClusterIps => Shape::set(&[address]),
            Self::ServiceCidrs | Self::Workloads | Self::Unmasked => {
                Shape::set(&[address]).with(Shape::INTERVAL)
            }
        }
    }
}

impl portolan_nft::ServiceSets for SetName {
    const FRONTENDS: Self = Self::Frontends;
    const ALLOWED: Self = Self::Allowed;
    const HAIRPIN: Self = Self::Hairpin;
    const CLUSTER_IPS: Self = Self::ClusterIps;
    const SERVICE_CIDRS: Self = Self::ServiceCidrs;
    const WORKLOADS: Self = Self::Workloads;
    const UNMASKED: Self = Self::Unmasked;
}
