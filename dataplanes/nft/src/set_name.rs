//! What a dataplane says of its sets.

use std::fmt::Debug;

use portolan_netlink::nftables::{Family, Set};

use crate::Shape;

/// The sets and maps of a dataplane's tables; they are listed and written in their order.
pub trait SetName: Copy + Debug + Ord + 'static {
    /// The name of the tables: one of family `ip`, one of `ip6`.
    const TABLE: &'static str;

    /// Its name in the kernel, and the comment that `nft` shows.
    fn words(self) -> (&'static str, &'static str);

    /// What it holds.
    fn shape(self, family: Family) -> Shape;

    /// Whether its elements are what packets find others by: of a change that takes several transactions they come last.
    fn is_late(self) -> bool {
        false
    }

    /// Its name in the kernel.
    fn as_str(self) -> &'static str {
        self.words().0
    }

    /// The set as netlink has it.
    fn declare(self, family: Family) -> Set {
        let (name, what) = self.words();
        self.shape(family).declare(name, what)
    }
}

/// The sets that every dataplane has which does all of Services by nftables.
pub trait ServiceSets: SetName {
    /// Frontends, with what [`userdata`](crate::userdata) says of each.
    const FRONTENDS: Self;
    /// Frontends with source ranges, and the sources that may use them.
    const ALLOWED: Self;
    /// Every backend's address, twice.
    const HAIRPIN: Self;
    /// Addresses of Services with a `ClusterIP`.
    const CLUSTER_IPS: Self;
    /// Ranges of virtual addresses.
    const SERVICE_CIDRS: Self;
    /// Ranges of sources inside.
    const WORKLOADS: Self;
    /// Ranges of sources whose address stays as it is towards a `ClusterIP`.
    const UNMASKED: Self;

    /// Those whose elements follow from where the node is.
    const OF_ENVIRONMENT: [Self; 3] = [Self::SERVICE_CIDRS, Self::WORKLOADS, Self::UNMASKED];
}

#[cfg(test)]
pub(crate) mod testing {
    use portolan_netlink::nftables::Family;

    use super::{ServiceSets, SetName};
    use crate::{Datatype, Shape};

    /// Sets of a dataplane that is none.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) enum Name {
        Frontends,
        Backends,
        Allowed,
        Hairpin,
        ClusterIps,
        ServiceCidrs,
        Workloads,
        Unmasked,
    }

    impl SetName for Name {
        const TABLE: &'static str = "none";

        fn words(self) -> (&'static str, &'static str) {
            let name = match self {
                Self::Frontends => "frontends",
                Self::Backends => "backends",
                Self::Allowed => "allowed",
                Self::Hairpin => "hairpin",
                Self::ClusterIps => "cluster_ips",
                Self::ServiceCidrs => "service_cidrs",
                Self::Workloads => "workloads",
                Self::Unmasked => "unmasked",
            };
            (name, "for tests")
        }

        fn shape(self, family: Family) -> Shape {
            Shape::set(&[Datatype::address(family)])
        }

        fn is_late(self) -> bool {
            self == Self::Frontends
        }
    }

    impl ServiceSets for Name {
        const FRONTENDS: Self = Self::Frontends;
        const ALLOWED: Self = Self::Allowed;
        const HAIRPIN: Self = Self::Hairpin;
        const CLUSTER_IPS: Self = Self::ClusterIps;
        const SERVICE_CIDRS: Self = Self::ServiceCidrs;
        const WORKLOADS: Self = Self::Workloads;
        const UNMASKED: Self = Self::Unmasked;
    }
}
