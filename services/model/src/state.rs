//! The whole committed state of one cluster, at one revision.

mod index;
mod read;
mod readiness;
mod travel;

use std::net::IpAddr;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use uuid::Uuid;

use crate::alloc::Occupancy;
use crate::{
    Change, Cluster, Digest, Endpoint, IpClaim, Name, Namespace, Node, Object, PortClaim, Record,
    Request, Revision, Scoped, Service, ServiceCidr, Workload,
};
use index::Index;
pub use readiness::Prober;

/// Every object of a cluster at one revision, with the indexes that deciding and projecting need.
///
/// The maps share structure, so a clone is cheap: readers keep one, deciding works on another and throws it away
/// unless the transaction commits (decision 3).
#[derive(Clone, Default)]
pub struct State {
    revision: Revision,
    digest: Digest,
    cluster: Option<Arc<Cluster>>,
    service_cidrs: Map<Name, Arc<ServiceCidr>>,
    namespaces: Map<Name, Arc<Namespace>>,
    services: Map<Scoped, Arc<Service>>,
    workloads: Map<Scoped, Arc<Workload>>,
    endpoints: Map<Scoped, Arc<Endpoint>>,
    nodes: Map<Name, Arc<Node>>,
    ip_claims: Map<IpAddr, Arc<IpClaim>>,
    port_claims: Map<u16, Arc<PortClaim>>,
    requests: Map<Uuid, Arc<Request>>,
    index: Index,
    occupied_addresses: Occupancy,
    occupied_ports: Occupancy,
}

impl State {
    /// From all objects at a revision.
    pub fn from_objects(revision: Revision, objects: impl IntoIterator<Item = Object>) -> Self {
        let mut state = Self::default();
        for object in objects {
            state.apply(&Change {
                before: None,
                after: Some(object),
            });
        }
        state.revision = revision;
        state
    }

    /// The revision this is the state of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Digest over all objects.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Moves on to a revision whose changes were applied.
    pub fn set_revision(&mut self, revision: Revision) {
        self.revision = revision;
    }

    /// Applies all changes of a commit.
    pub fn apply_all<'a>(
        &mut self,
        revision: Revision,
        changes: impl IntoIterator<Item = &'a Change>,
    ) {
        for change in changes {
            self.apply(change);
        }
        self.revision = revision;
    }

    /// Applies one change, and gives it as it is to be written. `change.before` must be what the state holds.
    pub fn apply(&mut self, change: &Change) -> Record {
        let record = Record::of(change);
        self.digest.toggle(record.digest());
        self.replace(change.before.as_ref(), change.after.as_ref());
        record
    }

    fn replace(&mut self, old: Option<&Object>, new: Option<&Object>) {
        if let Some(old) = old {
            self.index.remove(old);
            if new.is_none() {
                self.remove(old);
            }
        }
        if let Some(new) = new {
            self.index.insert(new);
            self.insert(new);
        }
    }

    fn insert(&mut self, object: &Object) {
        match object {
            Object::Cluster(o) => self.cluster = Some(o.clone()),
            Object::ServiceCidr(o) => self
                .service_cidrs
                .insert_mut(o.meta.name.clone(), o.clone()),
            Object::Namespace(o) => self.namespaces.insert_mut(o.meta.name.clone(), o.clone()),
            Object::Service(o) => self.services.insert_mut(o.key(), o.clone()),
            Object::Workload(o) => self.workloads.insert_mut(o.key(), o.clone()),
            Object::Endpoint(o) => self.endpoints.insert_mut(o.key(), o.clone()),
            Object::Node(o) => self.nodes.insert_mut(o.meta.name.clone(), o.clone()),
            Object::IpClaim(o) => {
                self.occupied_addresses.insert_address(o.address);
                self.ip_claims.insert_mut(o.address, o.clone());
            }
            Object::PortClaim(o) => {
                self.occupied_ports.insert_port(o.port);
                self.port_claims.insert_mut(o.port, o.clone());
            }
            Object::Request(o) => self.requests.insert_mut(o.id, o.clone()),
        }
    }

    fn remove(&mut self, object: &Object) {
        match object {
            Object::Cluster(_) => self.cluster = None,
            Object::ServiceCidr(o) => drop(self.service_cidrs.remove_mut(&o.meta.name)),
            Object::Namespace(o) => drop(self.namespaces.remove_mut(&o.meta.name)),
            Object::Service(o) => drop(self.services.remove_mut(&o.key())),
            Object::Workload(o) => drop(self.workloads.remove_mut(&o.key())),
            Object::Endpoint(o) => drop(self.endpoints.remove_mut(&o.key())),
            Object::Node(o) => drop(self.nodes.remove_mut(&o.meta.name)),
            Object::IpClaim(o) => {
                self.occupied_addresses.remove_address(o.address);
                self.ip_claims.remove_mut(&o.address);
            }
            Object::PortClaim(o) => {
                self.occupied_ports.remove_port(o.port);
                self.port_claims.remove_mut(&o.port);
            }
            Object::Request(o) => drop(self.requests.remove_mut(&o.id)),
        }
    }
}
