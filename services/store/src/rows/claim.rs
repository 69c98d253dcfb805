//! Claims, which are kept in columns of their own.

use std::net::IpAddr;

use portolan_model::{Claim, ClaimOwner, ClaimState, Claimed, Name, Object, Timestamp, Uid};
use uuid::Uuid;

use super::revision;
use crate::StoreError;

/// A row of the tables `ip_claims` and `port_claims`.
#[derive(Clone, Debug)]
pub struct ClaimRow<K> {
    /// The address or the port.
    pub key: K,
    /// Identity of the owner.
    pub owner_uid: Uuid,
    /// `namespace/name` of the owner.
    pub owner: String,
    /// The commit that released it; `None` while it is held.
    pub released_in: Option<i64>,
    /// When it was released, in microseconds since 1970.
    pub released_at: Option<i64>,
}

impl ClaimRow<IpAddr> {
    /// As an object.
    pub fn into_object(self) -> Result<Object, StoreError> {
        self.claim("ip_claims", Claimed::Address(self.key))
    }
}

impl ClaimRow<u16> {
    /// As an object.
    pub fn into_object(self) -> Result<Object, StoreError> {
        self.claim("port_claims", Claimed::Port(self.key))
    }
}

impl<K: ToString> ClaimRow<K> {
    fn claim(&self, table: &'static str, claimed: Claimed) -> Result<Object, StoreError> {
        let claim = Claim {
            claimed,
            owner: &self.owner(table)?,
            state: &self.state(),
        };
        Ok(claim.into())
    }

    fn owner(&self, table: &'static str) -> Result<ClaimOwner, StoreError> {
        let (namespace, name) =
            self.owner
                .split_once('/')
                .ok_or_else(|| StoreError::Inconsistent {
                    table,
                    key: self.key.to_string(),
                    problem: format!("the owner {:?} is not namespace/name", self.owner),
                })?;
        Ok(ClaimOwner {
            uid: Uid::from(self.owner_uid),
            namespace: Name::trusted(namespace),
            name: Name::trusted(name),
        })
    }

    fn state(&self) -> ClaimState {
        match (self.released_in, self.released_at) {
            (Some(rev), Some(at)) => ClaimState::Quarantined {
                released_in: revision(rev),
                released_at: Timestamp(at),
            },
            _ => ClaimState::Held,
        }
    }
}
