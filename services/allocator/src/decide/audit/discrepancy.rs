//! What an audit finds.

use portolan_model::{ClaimOwner, Claimed, Scoped, Service, Uid};

/// How claims and Services disagree.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiscrepancyReason {
    /// A Service has an address that can be none, or is not of the family it is listed for.
    ClusterIPNotValid,
    /// A Service has an address outside all ranges.
    ClusterIPOutOfRange,
    /// A Service has an address that it holds no claim to.
    ClusterIPNotAllocated,
    /// A Service has an address that another one holds and has.
    ClusterIPAlreadyAllocated,
    /// An address is claimed for a Service that is gone, or does not have it.
    IPAddressNotAllocated,
    /// An address is claimed in the name of another than the Service that has it.
    IPAddressWrongReference,
    /// A Service has a node port outside the range.
    PortOutOfRange,
    /// A Service has a node port that it holds no claim to.
    PortNotAllocated,
    /// A Service has a node port that another one holds and has, or has it twice.
    PortAlreadyAllocated,
    /// A node port is claimed for a Service that is gone, or does not have it.
    PortLeaked,
    /// A node port is claimed in the name of another than the Service that has it.
    PortWrongReference,
}

impl DiscrepancyReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ClusterIPNotValid,
        Self::ClusterIPOutOfRange,
        Self::ClusterIPNotAllocated,
        Self::ClusterIPAlreadyAllocated,
        Self::IPAddressNotAllocated,
        Self::IPAddressWrongReference,
        Self::PortOutOfRange,
        Self::PortNotAllocated,
        Self::PortAlreadyAllocated,
        Self::PortLeaked,
        Self::PortWrongReference,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIPNotValid => "ClusterIPNotValid",
            Self::ClusterIPOutOfRange => "ClusterIPOutOfRange",
            Self::ClusterIPNotAllocated => "ClusterIPNotAllocated",
            Self::ClusterIPAlreadyAllocated => "ClusterIPAlreadyAllocated",
            Self::IPAddressNotAllocated => "IPAddressNotAllocated",
            Self::IPAddressWrongReference => "IPAddressWrongReference",
            Self::PortOutOfRange => "PortOutOfRange",
            Self::PortNotAllocated => "PortNotAllocated",
            Self::PortAlreadyAllocated => "PortAlreadyAllocated",
            Self::PortLeaked => "PortLeaked",
            Self::PortWrongReference => "PortWrongReference",
        }
    }
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// How.
    pub reason: DiscrepancyReason,
    /// The address or port.
    pub claimed: Claimed,
    /// The Service concerned; it may be gone.
    pub service: Scoped,
    /// What is wrong, and what helps.
    pub message: String,
    /// What a repair does about it.
    pub remedy: Remedy,
    /// A repair did it.
    pub repaired: bool,
}

/// What a repair does about a discrepancy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: people have to.
    People,
    /// Writes the claim of this Service.
    Claim(ClaimOwner),
    /// Gives up the claim of this owner, once it is old enough to be nobody's work in progress.
    Release(Uid),
}

impl Discrepancy {
    /// One that people have to look after.
    pub(super) fn of(
        reason: DiscrepancyReason,
        claimed: Claimed,
        service: &Service,
        what: &str,
    ) -> Self {
        Self {
            reason,
            claimed,
            service: service.key(),
            message: format!("{claimed} of Service {} {what}", service.key()),
            remedy: Remedy::People,
            repaired: false,
        }
    }
}
