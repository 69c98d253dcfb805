//! What a dataplane says of its sets.

use std::fmt::Debug;

/// The sets and maps of a dataplane's tables; they are listed and written in their order.
pub trait SetName: Copy + Debug + Ord + 'static {
    /// The name of the tables: one of family `ip`, one of `ip6`.
    const TABLE: &'static str;

    /// Its name in the kernel.
    fn as_str(self) -> &'static str;
}

/// Of them, those whose elements follow from where the node is.
pub trait RangeSets: SetName {
    /// Ranges of virtual addresses.
    const SERVICE_CIDRS: Self;
    /// Ranges of sources inside.
    const WORKLOADS: Self;
    /// Ranges of sources whose address stays as it is towards a `ClusterIP`.
    const UNMASKED: Self;
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{RangeSets, SetName};

    /// Sets of a dataplane that is none.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) enum Name {
        Frontends,
        Backends,
        ServiceCidrs,
        Workloads,
        Unmasked,
    }

    impl SetName for Name {
        const TABLE: &'static str = "none";

        fn as_str(self) -> &'static str {
            match self {
                Self::Frontends => "frontends",
                Self::Backends => "backends",
                Self::ServiceCidrs => "service_cidrs",
                Self::Workloads => "workloads",
                Self::Unmasked => "unmasked",
            }
        }
    }

    impl RangeSets for Name {
        const SERVICE_CIDRS: Self = Self::ServiceCidrs;
        const WORKLOADS: Self = Self::Workloads;
        const UNMASKED: Self = Self::Unmasked;
    }
}
