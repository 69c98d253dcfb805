//! Workloads.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::query::columns::{Column, Kept, Listed, Value, column, maybe, ordering, text, texts};
use crate::state::index::{Edit, Index, Indexed, pairs};
use crate::{Change, Family, Meta, Name, Object, Probe, Protocol, Scoped, State};

use Value::{Derived, Flag, Map, Text, Texts, Time};

/// What a selector matches: a Pod, a virtual machine, a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Identity and history.
    pub meta: Meta,
    /// Where it lives.
    pub namespace: Name,
    /// What it is.
    pub spec: WorkloadSpec,
    /// Grows when what is probed changes; a report about an older one doesn't count.
    pub probe_generation: u64,
    /// The last accepted report; rows call it `health`.
    #[serde(default, rename = "health", skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
}

impl Workload {
    /// Namespace and name.
    pub fn key(&self) -> Scoped {
        Scoped::new(self.namespace.clone(), self.meta.name.clone())
    }
}

impl Indexed for Workload {
    fn index(&self, index: &mut Index, edit: Edit) {
        edit.identity(&mut index.workloads, self.meta.uid, self.key());
        for pair in pairs(&self.meta.labels) {
            let entry = (self.namespace.clone(), pair, self.meta.name.clone());
            edit.entry(&mut index.labels, entry);
        }
        if let Some(node) = &self.spec.node {
            edit.entry(&mut index.node_workloads, (node.clone(), self.key()));
        }
    }
}

/// What a workload is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadSpec {
    /// Its addresses, at most one a family.
    pub addresses: Vec<IpAddr>,
    /// The node it runs on, which need not be registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Name>,
    /// Ports that a Service may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<WorkloadPort>,
    /// How to learn whether it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Its own name below a headless Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The headless Service below which `hostname` is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<String>,
    /// About to end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draining: bool,
    /// Readiness as somebody else reports it; counts only while no registered node probes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_ready: Option<bool>,
}

impl WorkloadSpec {
    /// The address of a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses
            .iter()
            .copied()
            .find(|a| Family::of(*a) == family)
    }

    /// The number behind a port's name.
    pub fn named_port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports
            .iter()
            .find(|p| p.name == name && p.protocol == protocol)
            .map(|p| p.port)
    }
}

/// A named port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPort {
    /// IANA-style service name.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Transport.
    #[serde(default)]
    pub protocol: Protocol,
}

/// An accepted readiness report. Order among reports is (session, seq), whatever replica they came through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it serves.
    pub serving: bool,
    /// The probe that was run.
    pub probe_generation: u64,
    /// Session of the reporting node.
    pub session: u64,
    /// Report within the session.
    pub seq: u64,
    /// The last error; empty if it serves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Listed for Workload {
    const NOUN: &'static str = "a workload";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|w| text(w.meta.name.as_str()))),
                column("namespace", Text(|w| text(w.namespace.as_str()))),
                column("uid", Text(|w| Cow::Owned(w.meta.uid.to_string()))),
                column("labels", Map(|w| &w.meta.labels)),
                ordering("node", Text(|w| maybe(w.spec.node.as_ref()))),
                column("address", Texts(|w| texts(&w.spec.addresses))),
                column("draining", Flag(|w| w.spec.draining)),
                column(
                    "ready",
                    Derived(|state, w| !w.spec.draining && state.is_serving(w)),
                ),
                ordering("create_time", Time(|w| w.meta.created_at)),
                ordering("update_time", Time(|w| w.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        self.key()
    }
}

impl Kept for Workload {
    fn touched(state: &State, change: &Change) -> Vec<Arc<Self>> {
        match (&change.before, &change.after) {
            // Who probes a workload depends on whether its node is there.
            (None, Some(Object::Node(node))) | (Some(Object::Node(node)), None) => {
                state.workloads_on(&node.meta.name).cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}
