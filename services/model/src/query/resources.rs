//! The columns of every resource, and the keys of those that live in no namespace.

use std::borrow::Cow;

use super::{Column, Resource, Value};
use crate::{
    Cluster, Digest, Endpoint, Event, EventType, Name, Namespace, Node, Origin, Scoped, Service,
    ServiceCidr, ServiceType, Workload,
};

use Value::{Derived, Flag, Map, Text, Texts, Time, Word};

/// Most names are texts that are there anyway.
fn name(name: &Name) -> Cow<'_, str> {
    Cow::Borrowed(name.as_str())
}

fn maybe(text: Option<&str>) -> Cow<'_, str> {
    Cow::Borrowed(text.unwrap_or_default())
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// The key of something that lives in no namespace.
fn unscoped(name: &Name) -> Scoped {
    Scoped::new(Name::trusted(""), name.clone())
}

const fn column<T>(name: &'static str, value: Value<T>) -> Column<T> {
    Column::new(name, value)
}

const fn ordering<T>(name: &'static str, value: Value<T>) -> Column<T> {
    Column::ordering(name, value)
}

impl Resource for Service {
    const NOUN: &'static str = "a Service";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|s| name(&s.meta.name))),
                column("namespace", Text(|s| name(&s.namespace))),
                column("uid", Text(|s| Cow::Owned(s.meta.uid.to_string()))),
                column("labels", Map(|s| &s.meta.labels)),
                column(
                    "type",
                    Word(
                        &["CLUSTER_IP", "NODE_PORT", "LOAD_BALANCER", "EXTERNAL_NAME"],
                        |s| match s.spec.kind {
                            ServiceType::ClusterIP => "CLUSTER_IP",
                            ServiceType::NodePort => "NODE_PORT",
                            ServiceType::LoadBalancer => "LOAD_BALANCER",
                            ServiceType::ExternalName => "EXTERNAL_NAME",
                        },
                    ),
                ),
                column("headless", Flag(|s| s.spec.cluster_ips.is_headless())),
                column("has_selector", Flag(|s| s.spec.has_selector())),
                column(
                    "has_endpoints",
                    Derived(|state, s| state.endpoints_of(s).next().is_some()),
                ),
                column(
                    "ready",
                    Derived(|state, s| state.endpoints_of(s).any(|e| e.ready)),
                ),
                column(
                    "cluster_ip",
                    Texts(|s| texts(s.spec.cluster_ips.addresses())),
                ),
                ordering("create_time", Time(|s| s.meta.created_at)),
                ordering("update_time", Time(|s| s.meta.updated_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        self.key()
    }
}

impl Resource for Workload {
    const NOUN: &'static str = "a workload";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|w| name(&w.meta.name))),
                column("namespace", Text(|w| name(&w.namespace))),
                column("uid", Text(|w| Cow::Owned(w.meta.uid.to_string()))),
                column("labels", Map(|w| &w.meta.labels)),
                ordering(
                    "node",
                    Text(|w| maybe(w.spec.node.as_ref().map(Name::as_str))),
                ),
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

    fn key(&self) -> Scoped {
        self.key()
    }
}

impl Resource for Endpoint {
    const NOUN: &'static str = "an endpoint";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|e| name(&e.name))),
                column("namespace", Text(|e| name(&e.namespace))),
                column("uid", Text(|e| Cow::Owned(e.uid.to_string()))),
                ordering("service", Text(|e| name(&e.service))),
                column(
                    "workload",
                    Text(|e| match &e.origin {
                        Origin::Workload { name: workload, .. } => name(workload),
                        Origin::Source(_) => maybe(None),
                    }),
                ),
                column(
                    "source",
                    Text(|e| match &e.origin {
                        Origin::Source(source) => maybe(Some(source)),
                        Origin::Workload { .. } => maybe(None),
                    }),
                ),
                column("address", Text(|e| Cow::Owned(e.address.to_string()))),
                ordering("node", Text(|e| maybe(e.node.as_ref().map(Name::as_str)))),
                column("zone", Text(|e| maybe(Some(&e.zone)))),
                column("ready", Flag(|e| e.ready)),
                column("serving", Flag(|e| e.serving)),
                column("terminating", Flag(|e| e.terminating)),
                ordering("create_time", Time(|e| e.created_at)),
                ordering("update_time", Time(|e| e.updated_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        self.key()
    }
}

impl Resource for Node {
    const NOUN: &'static str = "a node";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| name(&n.meta.name))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("zone", Text(|n| maybe(Some(&n.spec.zone)))),
                column("dataplane", Text(|n| maybe(Some(&n.spec.dataplane)))),
                column("address", Texts(|n| texts(&n.spec.addresses))),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Resource for Namespace {
    const NOUN: &'static str = "a namespace";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| name(&n.meta.name))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Resource for ServiceCidr {
    const NOUN: &'static str = "a ServiceCIDR";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|s| name(&s.meta.name))),
                column("uid", Text(|s| Cow::Owned(s.meta.uid.to_string()))),
                column("cidr", Texts(|s| texts(&s.cidrs))),
                column("ready", Flag(Self::is_ready)),
                ordering("create_time", Time(|s| s.meta.created_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Resource for Cluster {
    const NOUN: &'static str = "a cluster";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|c| name(&c.meta.name))),
                column("uid", Text(|c| Cow::Owned(c.meta.uid.to_string()))),
                column("dns_domain", Text(|c| maybe(Some(&c.spec.dns_domain)))),
                ordering("create_time", Time(|c| c.meta.created_at)),
                ordering("update_time", Time(|c| c.meta.updated_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Resource for Event {
    const NOUN: &'static str = "an event";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("object", Text(|e| maybe(Some(&e.object)))),
                column("object_uid", Text(|e| Cow::Owned(e.object_uid.to_string()))),
                column(
                    "type",
                    Word(&["NORMAL", "WARNING"], |e| match e.event_type {
                        EventType::Normal => "NORMAL",
                        EventType::Warning => "WARNING",
                    }),
                ),
                ordering("reason", Text(|e| maybe(Some(&e.reason)))),
                column("component", Text(|e| maybe(Some(&e.component)))),
                column("message", Text(|e| maybe(Some(&e.message)))),
                ordering("first_time", Time(|e| e.first_at)),
                ordering("last_time", Time(|e| e.last_at)),
            ]
        }
    }

    fn key(&self) -> Scoped {
        let parts = [&self.reason, &self.component, &self.message];
        let parts = parts.map(String::as_bytes);
        Scoped::new(
            Name::trusted(self.object_uid.to_string()),
            Name::trusted(Digest::of(&parts).to_string()),
        )
    }
}
