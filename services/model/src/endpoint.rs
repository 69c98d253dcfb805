//! Endpoints.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::query::columns::{Column, Kept, Listed, Value, column, maybe, ordering, text};
use crate::state::index::{Edit, Index, Indexed};
use crate::{Name, Protocol, Revision, Scoped, Timestamp, Uid};

use Value::{Flag, Text, Time};

/// One address behind one Service. Written in the transaction that changes its Service or its workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `{service}.w.{workload}`, with `.v6` for the second family, or `{service}.m.{source}.{address}` if hand-written.
    pub name: Name,
    /// Where it lives.
    pub namespace: Name,
    /// Stable as long as Service, address and origin stay.
    pub uid: Uid,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The revision that last wrote it.
    pub revision: Revision,
    /// The Service's name.
    pub service: Name,
    /// The Service's identity: one that is created again inherits nothing.
    pub service_uid: Uid,
    /// Where it comes from.
    pub origin: Origin,
    /// Where traffic goes.
    pub address: IpAddr,
    /// Which of the Service's ports it serves, and where.
    pub ports: Vec<EndpointPort>,
    /// The node it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Name>,
    /// The zone it is in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// Its own name in DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// May be chosen.
    pub ready: bool,
    /// Answers, whether or not it should be chosen.
    pub serving: bool,
    /// About to end.
    pub terminating: bool,
    /// Share of traffic beside its equals; 1 is usual.
    pub weight: u32,
}

impl Endpoint {
    /// Namespace and name.
    pub fn key(&self) -> Scoped {
        Scoped::new(self.namespace.clone(), self.name.clone())
    }
}

impl Indexed for Endpoint {
    fn index(&self, index: &mut Index, edit: Edit) {
        let entry = |uid: Uid| (uid, self.name.clone());
        edit.entry(&mut index.service_endpoints, entry(self.service_uid));
        edit.count(&mut index.usage, &self.namespace, |usage| {
            &mut usage.endpoints
        });
        if let Origin::Workload { uid, .. } = self.origin {
            edit.entry(&mut index.workload_endpoints, entry(uid));
        }
    }
}

/// Where an endpoint comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Kept by the server from a workload.
    Workload {
        /// Its name.
        name: Name,
        /// Its identity.
        uid: Uid,
    },
    /// Written by hand, by this source.
    Source(String),
}

/// A Service's port on an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointPort {
    /// Name of the Service's port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service_port: String,
    /// Where the endpoint listens.
    pub port: u16,
    /// Transport.
    #[serde(default)]
    pub protocol: Protocol,
}

impl Listed for Endpoint {
    const NOUN: &'static str = "an endpoint";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|e| text(e.name.as_str()))),
                column("namespace", Text(|e| text(e.namespace.as_str()))),
                column("uid", Text(|e| Cow::Owned(e.uid.to_string()))),
                ordering("service", Text(|e| text(e.service.as_str()))),
                column(
                    "workload",
                    Text(|e| match &e.origin {
                        Origin::Workload { name: workload, .. } => text(workload.as_str()),
                        Origin::Source(_) => text(""),
                    }),
                ),
                column(
                    "source",
                    Text(|e| match &e.origin {
                        Origin::Source(source) => text(source),
                        Origin::Workload { .. } => text(""),
                    }),
                ),
                column("address", Text(|e| Cow::Owned(e.address.to_string()))),
                ordering("node", Text(|e| maybe(e.node.as_ref()))),
                column("zone", Text(|e| text(&e.zone))),
                column("ready", Flag(|e| e.ready)),
                column("serving", Flag(|e| e.serving)),
                column("terminating", Flag(|e| e.terminating)),
                ordering("create_time", Time(|e| e.created_at)),
                ordering("update_time", Time(|e| e.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        self.key()
    }
}

impl Kept for Endpoint {}
