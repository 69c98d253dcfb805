//! Claims: who holds which address and which port.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::state::index::{Edit, Index, Indexed};
use crate::{Name, Revision, Scoped, Timestamp, Uid};

/// An address that is not free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpClaim {
    /// The address.
    pub address: IpAddr,
    /// Who holds it, or held it.
    pub owner: ClaimOwner,
    /// Whether it still does.
    pub state: ClaimState,
}

impl Indexed for IpClaim {
    fn index(&self, index: &mut Index, edit: Edit) {
        match edit {
            Edit::Add => index.occupied_addresses.insert_address(self.address),
            Edit::Remove => index.occupied_addresses.remove_address(self.address),
        }
        if !self.state.is_held() {
            edit.entry(&mut index.quarantined_addresses, self.address);
        }
    }
}

/// A node port that is not free. It has one owner whatever the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortClaim {
    /// The port.
    pub port: u16,
    /// Who holds it, or held it.
    pub owner: ClaimOwner,
    /// Whether it still does.
    pub state: ClaimState,
}

impl Indexed for PortClaim {
    fn index(&self, index: &mut Index, edit: Edit) {
        match edit {
            Edit::Add => index.occupied_ports.insert_port(self.port),
            Edit::Remove => index.occupied_ports.remove_port(self.port),
        }
        if self.state.is_held() {
            edit.count(&mut index.usage, &self.owner.namespace, |usage| {
                &mut usage.node_ports
            });
        } else {
            edit.entry(&mut index.quarantined_ports, self.port);
        }
    }
}

/// The Service that a claim belongs to. The name is kept for the time after the Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOwner {
    /// Identity of the Service.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl ClaimOwner {
    /// Namespace and name of the Service.
    pub fn key(&self) -> Scoped {
        Scoped::new(self.namespace.clone(), self.name.clone())
    }

    /// Resource name of the Service, below its cluster.
    pub fn resource(&self) -> String {
        format!("namespaces/{}/services/{}", self.namespace, self.name)
    }
}

/// Whether a claim is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimState {
    /// In use by its owner.
    Held,
    /// Released, but some node may still forward for it.
    Quarantined {
        /// The revision that released it.
        released_in: Revision,
        /// When.
        released_at: Timestamp,
    },
}

impl ClaimState {
    /// Whether the owner still holds it.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held)
    }
}
