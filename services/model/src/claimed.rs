//! Claims of every kind, seen alike: what is done with a claim depends on its owner and its state, hardly ever on what it
//! is about.

use std::fmt;
use std::net::IpAddr;

use crate::{ClaimOwner, ClaimState, IpClaim, Object, PortClaim, State};

/// What a claim is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claimed {
    /// A virtual address.
    Address(IpAddr),
    /// A node port.
    Port(u16),
}

/// A claim, whatever it is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// What it is about.
    pub claimed: Claimed,
    /// Who holds it, or held it.
    pub owner: &'a ClaimOwner,
    /// Whether it still does.
    pub state: &'a ClaimState,
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Port(port) => write!(f, "node port {port}"),
        }
    }
}

impl Claim<'_> {
    /// Whether it is in use by this owner; the identity counts, not the name.
    pub fn is_held_by(&self, owner: &ClaimOwner) -> bool {
        self.state.is_held() && self.owner.uid == owner.uid
    }
}

impl<'a> From<&'a IpClaim> for Claim<'a> {
    fn from(claim: &'a IpClaim) -> Self {
        Self {
            claimed: Claimed::Address(claim.address),
            owner: &claim.owner,
            state: &claim.state,
        }
    }
}

impl<'a> From<&'a PortClaim> for Claim<'a> {
    fn from(claim: &'a PortClaim) -> Self {
        Self {
            claimed: Claimed::Port(claim.port),
            owner: &claim.owner,
            state: &claim.state,
        }
    }
}

impl From<Claim<'_>> for Object {
    fn from(claim: Claim<'_>) -> Self {
        let (owner, state) = (claim.owner.clone(), claim.state.clone());
        match claim.claimed {
            Claimed::Address(address) => IpClaim {
                address,
                owner,
                state,
            }
            .into(),
            Claimed::Port(port) => PortClaim { port, owner, state }.into(),
        }
    }
}

impl Object {
    /// The claim that it is, if it is one.
    pub fn claim(&self) -> Option<Claim<'_>> {
        match self {
            Self::IpClaim(claim) => Some(claim.as_ref().into()),
            Self::PortClaim(claim) => Some(claim.as_ref().into()),
            _ => None,
        }
    }
}

impl State {
    /// The claim to an address or node port that is not free.
    pub fn claim(&self, claimed: Claimed) -> Option<Claim<'_>> {
        match claimed {
            Claimed::Address(address) => self.ip_claim(address).map(|claim| claim.as_ref().into()),
            Claimed::Port(port) => self.port_claim(port).map(|claim| claim.as_ref().into()),
        }
    }
}
