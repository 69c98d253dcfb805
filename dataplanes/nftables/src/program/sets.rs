//! The sets and maps. Only those of verdicts are constant; a verdict among changing elements would make the kernel check
//! the whole map again at every change.

use portolan_netlink::nftables::Family;
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
        all.filter(move |set| *set != Self::Seal || family == super::SEAL_FAMILY)
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
}

impl portolan_nft::SetName for SetName {
    const TABLE: &'static str = super::TABLE;

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Frontends => ("frontends", "class of a frontend"),
            Self::Inside => ("inside", "class for sources inside"),
            Self::Backends => ("backends", "of a slot, or of an identity"),
            Self::Identities => ("identities", "of a slot, or known to be valid"),
            Self::Affinity => ("affinity", "endpoint of a client"),
            Self::Allowed => ("allowed", "clients of guarded frontends"),
            Self::Hairpin => ("hairpin", "backends that may reach themselves"),
            Self::ClusterIps => ("cluster_ips", "other ports are refused"),
            Self::ServiceCidrs => ("service_cidrs", "other addresses are dropped"),
            Self::Workloads => ("workloads", "sources inside"),
            Self::Unmasked => ("unmasked", "sources that ClusterIPs see"),
            Self::Seal => ("seal", "of our last transaction"),
            Self::Pick => ("pick", "constant: number of slots"),
            Self::Timeouts => ("timeouts", "constant: idle seconds"),
            Self::Kinds => ("kinds", "constant: whose source is replaced"),
        }
    }

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

    fn is_late(self) -> bool {
        matches!(self, Self::Frontends | Self::Inside)
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

/// A set's declaration as nft shows it.
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
    let _ = write!(text, "\t\tcomment \"{}\"\n\t}}\n", name.words().1);
    text
}
