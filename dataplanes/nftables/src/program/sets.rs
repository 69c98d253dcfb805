//! The sets and maps. Only those of verdicts are constant; a verdict among changing elements would make the kernel check
//! the whole map again at every change.

use portolan_netlink::nftables::{Family, Set};
use portolan_nft::Datatype::{self, ClassId, Port, Protocol};
use portolan_nft::{Leads, SetName as _, Shape};

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

    fn shape(self, family: Family) -> Shape {
        let address = Datatype::address(family);
        let frontend = [address, Protocol, Port];
        let slot = [address, Protocol, Port, ClassId];
        match self {
            Self::Frontends | Self::Inside => Shape::map(&frontend, &[ClassId]),
            Self::Backends => Shape::map(&slot, &[address, Port]),
            Self::Identities => Shape::map(&slot, &[ClassId]),
            Self::Affinity => Shape {
                size: MOST_CLIENTS,
                ..Shape::map(&[address, address, Protocol, Port], &[ClassId]).with(Shape::DYNAMIC)
            },
            Self::Allowed => Shape::set(&[address, Protocol, Port, address])
                .with(Shape::INTERVAL | Shape::CONCAT),
            Self::Hairpin => Shape::set(&[address, address]),
            Self::ClusterIps => Shape::set(&[address]),
            Self::ServiceCidrs | Self::Workloads | Self::Unmasked => {
                Shape::set(&[address]).with(Shape::INTERVAL)
            }
            Self::Seal => Shape::set(&[ClassId]),
            Self::Pick | Self::Timeouts | Self::Kinds => Shape::verdicts(&[ClassId]),
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

impl portolan_nft::SetName for SetName {
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

impl portolan_nft::RangeSets for SetName {
    const SERVICE_CIDRS: Self = Self::ServiceCidrs;
    const WORKLOADS: Self = Self::Workloads;
    const UNMASKED: Self = Self::Unmasked;
}

/// A set as netlink has it.
pub(crate) fn set(name: SetName, family: Family) -> Set {
    name.shape(family).declare(name.as_str(), name.what())
}

/// The declaration as nft shows it.
pub(super) fn declaration(name: SetName, family: Family) -> String {
    use std::fmt::Write;
    let shape = name.shape(family);
    let types = |types: &[Datatype]| {
        let names: Vec<_> = types.iter().map(|kind| kind.name()).collect();
        names.join(" . ")
    };
    let (word, leads) = match &shape.leads {
        Leads::Nowhere => ("set", String::new()),
        Leads::Data(value) => ("map", format!(" : {}", types(value))),
        Leads::Verdicts => ("map", " : verdict".to_owned()),
    };
    let mut text = format!(
        "\t{word} {} {{\n\t\ttype {}{leads}\n",
        name.as_str(),
        types(&shape.key)
    );
    if shape.size != 0 {
        let _ = writeln!(text, "\t\tsize {}", shape.size);
    }
    if shape.flags & Shape::INTERVAL != 0 {
        text.push_str("\t\tflags interval\n");
    }
    if shape.flags & Shape::DYNAMIC != 0 {
        text.push_str("\t\tflags dynamic,timeout\n");
    }
    let _ = write!(text, "\t\tcomment \"{}\"\n\t}}\n", name.what());
    text
}
